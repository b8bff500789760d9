// The page as a user meets it: everything is found by role and accessible name, and waited for by what it shows.

/** Page object of the Run page. */
export class StepscopePage {
  constructor(page, base) {
    this.page = page;
    this.base = base;
    this.prompt = page.getByRole('textbox', { name: 'Prompt', exact: true });
    this.negative = page.getByRole('textbox', { name: 'Negative prompt' });
    this.stepsSlider = page.getByRole('slider', { name: 'Steps', exact: true });
    this.steps = page.getByRole('spinbutton', { name: 'Steps (number)' });
    this.scheduler = page.getByRole('combobox', { name: 'Scheduler' });
    this.guidance = page.getByRole('spinbutton', { name: 'Guidance' });
    this.seed = page.getByRole('spinbutton', { name: 'Seed' });
    this.model = page.getByRole('combobox', { name: 'Model' });
    this.generateButton = page.getByRole('button', { name: 'Generate' });
    this.cancelButton = page.getByRole('button', { name: 'Cancel' });
    this.copyLink = page.getByRole('button', { name: 'Copy link' });
    this.savePng = page.getByRole('button', { name: 'Save PNG' });
    this.retry = page.getByRole('button', { name: 'Try again' });
    this.scrubber = page.getByRole('slider', { name: 'Step shown' });
    this.progress = page.getByRole('progressbar', { name: 'Denoising' });
    this.status = page.getByRole('status');
    this.alert = page.getByRole('alert');
    this.advanced = page.getByText('Advanced', { exact: true });
    this.width = page.getByRole('combobox', { name: 'Width' });
    this.height = page.getByRole('combobox', { name: 'Height' });
    this.eta = page.getByRole('spinbutton', { name: 'Eta' });
    this.rng = page.getByRole('combobox', { name: 'Random numbers' });
    this.timesteps = page.getByRole('combobox', { name: 'Timesteps' });
    this.weights = page.getByRole('checkbox', { name: /^Prompt weights/ });
    this.pictures = page.getByRole('spinbutton', { name: 'Pictures' });
    this.gallery = page.getByRole('group', { name: 'Gallery' }).getByRole('button');
    this.startSection = page.getByText('Start from a picture', { exact: true });
    this.startFile = page.getByLabel(/^Choose (a|another) picture$/);
    this.startPicture = page.getByRole('img', { name: 'Picture to start from' });
    this.strength = page.getByRole('spinbutton', { name: 'Strength (number)' });
    this.useResult = page.getByRole('button', { name: 'Use this result' });
    this.paintMask = page.getByRole('button', { name: 'Paint a mask' });
    this.mask = page.getByRole('application', { name: 'Mask' });
    this.canvas = page.locator('canvas[data-painted]');
  }

  /** Goes to another screen by the navigation, and waits for its heading. */
  async go(name) {
    await this.page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
    await this.page.getByRole('heading', { name, level: 1 }).waitFor();
  }

  /** A picture by its accessible name: `Step 3 of 20`, or the prompt. */
  picture(name) {
    return this.page.getByRole('img', { name, exact: true });
  }

  /** Opens the page and waits until the engine is in `state`. `engine: null` lets the page choose, `state: null` waits for nothing. */
  async open({ engine = 'cpu', fragment = '', state = 'ready' } = {}) {
    const query = engine ? `?engine=${engine}` : '';
    await this.page.goto(`${this.base}/${query}${fragment ? `#${fragment}` : ''}`);
    if (state === 'ready') await this.loaded();
    if (state !== null) await this.state(state);
  }

  /** Waits until the engine has loaded a model; fails with the page's own words if it cannot. */
  async loaded() {
    await this.page.locator('html:not([data-state="loading"])').waitFor({ state: 'attached', timeout: 60_000 });
    if ((await this.page.locator('html').getAttribute('data-state')) !== 'error') return;
    throw new Error(`the page shows: ${(await this.alert.allInnerTexts()).join(' ').replaceAll('\n', ' ')}`);
  }

  /** Waits for `<html data-state>`; what leads there (weights, compiling, steps) takes its time on slow machines. */
  async state(state, timeout = 60_000) {
    await this.page.locator(`html[data-state="${state}"]`).waitFor({ state: 'attached', timeout });
  }

  /** Fills the form; only what is given. */
  async fill({ prompt, negative, steps, guidance, seed, scheduler }) {
    if (prompt !== undefined) await this.prompt.fill(prompt);
    if (negative !== undefined) await this.negative.fill(negative);
    if (steps !== undefined) await this.steps.fill(String(steps));
    if (guidance !== undefined) await this.guidance.fill(String(guidance));
    if (seed !== undefined) await this.seed.fill(String(seed));
    if (scheduler !== undefined) await this.scheduler.selectOption(scheduler);
  }

  /** Fills the form and presses Generate; what was seen before is forgotten. */
  async start(request) {
    await this.fill(request);
    await this.page.evaluate(() => window.stepscopeTest.forget());
    await this.generateButton.click();
  }

  /**
   * Makes a picture and waits for it. Resolves to what was seen: `frames`, each `{ step, hash }`, and the `names` that
   * the canvas had.
   */
  async generate(request, timeout = 150_000) {
    await this.start(request);
    await this.ended(timeout);
    const prompt = (await this.prompt.inputValue()).trim();
    if (prompt !== '') await this.picture(prompt).waitFor();
    return this.seen();
  }

  /** Waits until a run that was started has ended, well or not. */
  ended(timeout = 150_000) {
    return within(timeout, 'the run did not end', this.page.evaluate(() => window.stepscopeTest.ended()));
  }

  /** Waits until a run that was started has painted this step, or a later one. */
  reached(step, timeout = 60_000) {
    const reached = this.page.evaluate((wanted) => window.stepscopeTest.reached(wanted), step);
    return within(timeout, `step ${step} was not painted`, reached);
  }

  /** A PNG file for the file chooser; `draw` runs in the page and gets the canvas's context, its width and its height. */
  async file(name, width, height, draw) {
    const url = await this.page.evaluate(
      ([w, h, source]) => {
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [w, h];
        new Function(`return ${source}`)()(canvas.getContext('2d'), w, h);
        return canvas.toDataURL('image/png');
      },
      [width, height, String(draw)],
    );
    return { name, mimeType: 'image/png', buffer: Buffer.from(url.split(',')[1], 'base64') };
  }

  /** Chooses a file as the picture to start from. */
  async startFrom(file) {
    if (!(await this.startFile.isVisible())) await this.startSection.click();
    await this.startFile.setInputFiles(file);
  }

  /** Paints one dab of the brush onto the mask; `x` and `y` are shares of the picture. */
  async dab(x, y, brush) {
    await this.paintMask.click();
    if (brush !== undefined) await this.page.getByRole('slider', { name: 'Brush size' }).fill(String(brush));
    const box = await this.mask.boundingBox();
    await this.page.mouse.click(box.x + x * box.width, box.y + y * box.height);
    await this.page.getByRole('button', { name: 'Done' }).click();
  }

  /** Everything seen since the last start. */
  seen() {
    return this.page.evaluate(() => structuredClone(window.stepscopeTest.seen));
  }

  /** Goes to a step of the kept frames by keyboard. */
  async scrubTo(step) {
    await this.scrubber.press('Home');
    for (let at = 1; at < step; at += 1) await this.scrubber.press('ArrowRight');
  }

  /** Waits until all kept frames have been decoded by the VAE, and the page shows it. */
  refined(steps) {
    const refined = this.page.evaluate(async (count) => {
      const frame = () => new Promise(requestAnimationFrame);
      const decoded = () => {
        const refined = window.stepscopeMessages.map(({ message }) => message).filter(({ type }) => type === 'refined');
        return new Set(refined.filter(({ job }) => job === refined.at(-1).job).map(({ step }) => step)).size;
      };
      while (decoded() < count) await frame();
      // The page takes in at least one message with each frame that it draws.
      for (let drawn = 0; drawn <= count; drawn += 1) await frame();
    }, steps);
    return within(60_000, 'the kept frames were not decoded in full', refined);
  }

  /** The figures of the step shown: sigma, timestep, milliseconds, change. */
  details() {
    return this.page.locator('dl', { hasText: 'Timestep' }).getByRole('definition').allInnerTexts();
  }

  /** Size and hash of what the canvas shows now. */
  shown() {
    return this.canvas.evaluate((canvas) => ({
      width: canvas.width,
      height: canvas.height,
      hash: window.stepscopeTest.hash(canvas),
    }));
  }

  /** RGBA bytes of what the canvas shows now. */
  pixels() {
    return this.canvas.evaluate((canvas) => Array.from(window.stepscopeTest.pixels(canvas)));
  }
}

/** The promise's value, or an error that says what did not happen in time. */
function within(milliseconds, what, promise) {
  const late = AbortSignal.timeout(milliseconds);
  const failure = new Promise((_, reject) => {
    late.addEventListener('abort', () => reject(new Error(`${what} within ${milliseconds / 1000} s`)));
  });
  return Promise.race([promise, failure]);
}

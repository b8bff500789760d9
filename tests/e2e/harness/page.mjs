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
    this.scrubber = page.getByRole('slider', { name: 'Step shown' });
    this.progress = page.getByRole('progressbar', { name: 'Denoising' });
    this.status = page.getByRole('status').first();
    this.alert = page.getByRole('alert');
    this.canvas = page.locator('canvas[data-painted]');
  }

  /** A picture by its accessible name: `Step 3 of 20`, or the prompt. */
  picture(name) {
    return this.page.getByRole('img', { name, exact: true });
  }

  /** Opens the page and waits until the engine is in `state`. */
  async open({ engine = 'cpu', fragment = '', state = 'ready' } = {}) {
    const query = engine ? `?engine=${engine}` : '';
    await this.page.goto(`${this.base}/${query}${fragment ? `#${fragment}` : ''}`);
    await this.state(state);
  }

  /** Waits for `<html data-state>`; what leads there (weights, compiling, steps) takes its time on slow machines. */
  async state(state, timeout = 120_000) {
    await this.page.locator(`html[data-state="${state}"]`).waitFor({ state: 'attached', timeout });
  }

  /** Fills the form; only what is given. */
  async fill({ prompt, steps, guidance, seed, scheduler }) {
    if (prompt !== undefined) await this.prompt.fill(prompt);
    if (steps !== undefined) await this.steps.fill(String(steps));
    if (guidance !== undefined) await this.guidance.fill(String(guidance));
    if (seed !== undefined) await this.seed.fill(String(seed));
    if (scheduler !== undefined) await this.scheduler.selectOption(scheduler);
  }

  /** Fills the form, presses Generate and waits for the finished picture; resolves to the frames that were painted. */
  async generate(request, timeout = 150_000) {
    await this.fill(request);
    await this.forgetFrames();
    await this.generateButton.click();
    await this.finished(request.prompt ?? (await this.prompt.inputValue()), timeout);
    return this.frames();
  }

  /** Waits until the canvas carries the prompt as its name: the mark of a finished picture. */
  async finished(prompt, timeout = 150_000) {
    await this.picture(prompt).waitFor({ timeout });
    await this.state('ready');
  }

  /** Every frame painted since the page opened or [`forgetFrames`]: `{ painted, name, hash }`. */
  frames() {
    return this.page.evaluate(() => window.stepscopeTest.frames);
  }

  forgetFrames() {
    return this.page.evaluate(() => {
      window.stepscopeTest.frames.length = 0;
    });
  }

  /** Size and hash of what the canvas shows now. */
  shown() {
    return this.canvas.evaluate((canvas) => ({
      width: canvas.width,
      height: canvas.height,
      hash: window.stepscopeTest.hash(canvas),
    }));
  }

  /** The text that describes the step shown: sigma, timestep, milliseconds, change. */
  async details() {
    return (await this.page.getByRole('group', { name: 'Step details' }).innerText()).trim();
  }

  /** RGBA bytes of what the canvas shows now. */
  pixels() {
    return this.canvas.evaluate((canvas) => Array.from(window.stepscopeTest.pixels(canvas)));
  }
}

/** The frames that are steps of a run, in order: those whose name is `Step K of N`. */
export function stepsOf(frames) {
  return frames.filter((frame) => /^Step \d+ of \d+$/.test(frame.name ?? ''));
}

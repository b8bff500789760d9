// Which browser the tests drive: BROWSER is chromium (the default) or firefox.

const browser = process.env.BROWSER || 'chromium';
if (!['chromium', 'firefox'].includes(browser)) throw new Error(`BROWSER is '${browser}': set it to chromium or firefox`);

export const IS_FIREFOX = browser === 'firefox';

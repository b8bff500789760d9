// Reports each test as it ends, each failure with its reason, and closes with one line that `cargo xtask test` repeats.

const reason = (error) => {
  const cause = error?.cause ?? error;
  return (cause?.stack ?? cause?.message ?? String(cause)).replace(/^/gm, '      ');
};

export default async function* report(source) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of source) {
    if (type === 'test:stdout' || type === 'test:stderr') yield data.message;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    // A suite is not a test of its own, and neither is a file whose tests have already spoken.
    const group = data.details?.type === 'suite' || data.details?.error?.failureType === 'subtestsFailed';
    if (group || (data.nesting === 0 && data.name.endsWith('.mjs') && type === 'test:pass')) continue;
    const seconds = `${((data.details?.duration_ms ?? 0) / 1000).toFixed(1)} s`;
    if (data.skip !== undefined) {
      count.skipped += 1;
      yield `  – ${data.name} (skipped: ${data.skip})\n`;
    } else if (type === 'test:pass') {
      count.passed += 1;
      yield `  ✔ ${data.name} (${seconds})\n`;
    } else {
      count.failed += 1;
      yield `  ✖ ${data.name} (${seconds})\n${reason(data.details?.error)}\n`;
    }
  }
  yield `End to end: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`;
}

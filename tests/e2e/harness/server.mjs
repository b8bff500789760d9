// Serves dist/ with the same server that users get, on a free port.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Starts a server, of dist/ or another folder; resolves to its address (no trailing slash) and a way to stop it. */
export async function startServer({ folder } = {}) {
  const xtask = process.env.STEPSCOPE_XTASK;
  const [program, first] = xtask ? [xtask, []] : ['cargo', ['xtask']];
  const child = spawn(program, [...first, 'serve', '--no-build', '--port', '0', ...(folder ? ['--of', folder] : [])], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const address = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      const found = /http:\/\/[\d.]+:\d+/.exec(line);
      if (found) return found[0];
    }
    throw new Error('the server ended before it said where it listens');
  })();
  return {
    url: await address,
    async stop() {
      child.kill();
      await exited;
    },
  };
}

import { deepEqual, equal, rejects } from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { BuildProgress } from './build-progress.ts'
import { ensurePrometheus, findPrometheus, type PrometheusPrograms } from './prometheus-package.ts'

const linux = { skip: process.platform === 'linux' ? false : 'flock(1) of util-linux' }

/** An apt and a dpkg-deb that do as little as they can: the package is the text of its version. */
const STAND_INS: Readonly<Record<string, string>> = {
  'apt-cache': `#!/bin/sh\n[ -n "$UNKNOWN" ] && { echo 'N: Unable to locate package' >&2; exit 100; }\nprintf 'Package: prometheus\\nVersion: 2.42.0+ds-5\\nInstalled-Size: 1\\n\\n'`,
  'apt-get': `#!/bin/sh\necho "$*" >>"$CALLS"\n[ -n "$BROKEN" ] && { echo 'E: Failed to fetch' >&2; exit 100; }\necho "$5" >prometheus_2.42.0_amd64.deb`,
  'dpkg-deb': `#!/bin/sh\n/bin/mkdir -p "$3/usr/bin" "$3/etc"; for one in prometheus promtool; do /bin/cp "$2" "$3/usr/bin/$one"; done; : >"$3/etc/prometheus.yml"`,
}

interface Bench {
  readonly cache: string
  readonly calls: () => Promise<string>
  readonly progress: readonly BuildProgress[]
  readonly ensure: (environment?: Record<string, string>) => Promise<PrometheusPrograms>
}

async function bench(t: TestContext): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-prometheus-'))
  t.after(() => rm(directory, { recursive: true }))
  for (const [name, text] of Object.entries(STAND_INS)) await program(directory, name, text)
  const cache = join(directory, 'cache')
  const calls = join(directory, 'calls')
  const progress: BuildProgress[] = []
  return {
    cache,
    calls: () => readFile(calls, 'utf8'),
    progress,
    ensure: (environment = {}) =>
      ensurePrometheus({
        cache,
        // Nothing else in PATH: the machine may have a Prometheus of its own.
        environment: { PATH: directory, CALLS: calls, ...environment },
        onProgress: one => progress.push(one),
        signal: AbortSignal.timeout(60_000),
      }),
  }
}

test(
  'the package is fetched once, its programs are kept and nothing else, and its version is in the name',
  linux,
  async t => {
    const { cache, calls, ensure, progress } = await bench(t)
    const programs = await ensure()
    equal(programs.prometheus, join(cache, 'prometheus-2.42.0+ds-5/bin/prometheus'))
    equal(await readFile(programs.promtool, 'utf8'), 'prometheus=2.42.0+ds-5\n')
    const entry = await readdir(join(cache, 'prometheus-2.42.0+ds-5'))
    deepEqual(entry.toSorted(), ['bin', 'complete.json'])
    deepEqual(await ensure({ UNKNOWN: 'yes', BROKEN: 'yes' }), programs)
    equal((await calls()).trim().split('\n').length, 1)
    equal(progress.at(-1)?.step, 'ready')
  },
)

test('without a package that apt knows, the error says what to do', linux, async t => {
  const { ensure } = await bench(t)
  await rejects(ensure({ UNKNOWN: 'yes' }), { code: 'ERR_E2E_INSTALL', message: /apt-get update/ })
})

test('a fetch that fails says what apt said, and leaves no entry', linux, async t => {
  const { cache, ensure } = await bench(t)
  const output = ['E: Failed to fetch']
  await rejects(ensure({ BROKEN: 'yes' }), { code: 'ERR_E2E_INSTALL', output })
  equal(await findPrometheus({ cache, environment: {} }), undefined)
})

test('programs in PATH are taken, if both are there', linux, async t => {
  const { cache, ensure } = await bench(t)
  const { prometheus } = await ensure()
  const own = join(cache, 'own')
  await program(own, 'prometheus', '')
  const environment = { PATH: own }
  equal((await findPrometheus({ cache, environment }))?.prometheus, prometheus)
  await program(own, 'promtool', '')
  equal((await findPrometheus({ cache, environment }))?.prometheus, join(own, 'prometheus'))
})

async function program(directory: string, name: string, text: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, name), text)
  await chmod(join(directory, name), 0o755)
}

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { BuildProgress } from './build-progress.ts'
import { ensureParts, type Parts } from './ensure-parts.ts'

const linux = {
  skip: process.platform === 'linux' ? false : 'setpriv(1) and flock(1) of util-linux',
}

/** A Go that takes no time: it notes how it was called, and "links" a file for each package that is asked for. */
const STAND_IN_GO = `#!/bin/sh
echo "GOTOOLCHAIN=$GOTOOLCHAIN CGO_ENABLED=$CGO_ENABLED $*" >>"$CALLS"
if [ "$1" = env ]; then printf '{"GOVERSION":"go1.26.8"}'; exit; fi
[ -n "$BROKEN" ] && { echo 'kubelet.go:7:2: undefined: x' >&2; exit 1; }
while [ $# -gt 0 ]; do
  case $1 in
    -o) target=$2; shift ;;
    -ldflags) shift ;;
    *.*/*/*) echo "$1" >&2; case $target in */) : >"$target\${1##*/}" ;; *) : >"$target" ;; esac ;;
  esac
  shift
done
`

interface Bench {
  readonly cache: string
  readonly calls: () => Promise<string>
  readonly parts: (environment?: Record<string, string>) => Promise<Parts>
  readonly progress: readonly BuildProgress[]
}

async function bench(t: TestContext): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-parts-'))
  t.after(() => rm(directory, { recursive: true }))
  await writeFile(join(directory, 'go'), STAND_IN_GO)
  await chmod(join(directory, 'go'), 0o755)
  const calls = join(directory, 'calls')
  const cache = join(directory, 'cache')
  const progress: BuildProgress[] = []
  const parts = (environment = {}): Promise<Parts> =>
    ensureParts({
      kubernetes: '1.37.2',
      wanted: ['helm'],
      cache,
      environment: { PATH: `${directory}:/usr/bin:/bin`, CALLS: calls, ...environment },
      onProgress: one => progress.push(one),
      signal: AbortSignal.timeout(60_000),
    })
  return { cache, calls: () => readFile(calls, 'utf8'), parts, progress }
}

test(
  'every program is where the parts say, and the second time nothing is built',
  linux,
  async t => {
    const { calls, parts, progress } = await bench(t)
    const made = await parts()
    for (const [directory, programs] of [
      [made.kubernetesBin, 6],
      [made.runtimeBin, 5],
      [made.cniBin, 4],
    ] as const)
      equal((await readdir(directory)).length, programs)
    equal(basename(made.helm ?? ''), 'helm')
    equal(made.metricsServer, undefined)
    equal(made.pinned, true)
    const before = (await calls()).match(/ build /g)?.length
    equal(before, 6)
    deepEqual(await parts(), made)
    equal((await calls()).match(/ build /g)?.length, before)
    const cached = progress.filter(one => one.step === 'ready').map(one => one.cached)
    // The module of Kubernetes, runtime, kubernetes, helm.
    deepEqual(cached, [true, false, false, false, true, true, true, true])
  },
)

test(
  'sums are never changed, no toolchain is fetched, and only runc is built with C',
  linux,
  async t => {
    const { calls, parts } = await bench(t)
    await parts()
    const builds = (await calls()).split('\n').filter(line => line.includes(' build '))
    ok(
      builds.every(line => line.includes(' -mod=readonly ') && line.includes('GOTOOLCHAIN=local ')),
    )
    const withC = builds.filter(line => line.includes('CGO_ENABLED=1 '))
    equal(withC.length, 1)
    match(withC[0] ?? '', /-tags seccomp .*opencontainers\/runc$/)
  },
)

test(
  'a build that fails says what the compiler said, and leaves the cache without it',
  linux,
  async t => {
    const { cache, parts } = await bench(t)
    await rejects(parts({ BROKEN: 'yes' }), {
      code: 'ERR_E2E_GO',
      output: ['kubelet.go:7:2: undefined: x'],
    })
    deepEqual(await readdir(cache), ['lock'])
    const { kubernetesBin } = await parts()
    ok((await readdir(cache)).includes(basename(dirname(kubernetesBin))))
  },
)

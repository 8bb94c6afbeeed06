// `node --expose-gc --max-semi-space-size=1 verifier-memory-main.ts VERIFIERS PLATFORMS`: by how much a process grows with so many
// verifiers, and with so many platforms that one verifier keeps.
import { type Collateral, intelRoots, parseCollateral } from '../packages/dcap/src/index.ts'
import { readOwnEvidence } from './evidence.ts'
import { simulatedPlatforms } from './simulated-platforms.ts'
import type { Growth } from './verifier-memory.ts'
import { createVerifier, type Kept } from './verify-states.ts'

const [verifiers = 200, platforms = 1000] = process.argv.slice(2).map(Number)
if (createVerifier === undefined || globalThis.gc === undefined) {
  throw new TypeError('want createVerifier, and --expose-gc')
}
const newVerifier = createVerifier
const collectGarbage = globalThis.gc

/** What `make` leaves behind, for each of `count`. It has made one, again and again, before: code and room for garbage do not count. */
async function grow(
  what: string,
  count: number,
  make: (count: number) => unknown,
): Promise<Growth> {
  for (let time = 0; time < count; time++) make(1)
  const before = await settled()
  const made = make(count)
  const after = await settled()
  const each = (bytes: number): number => bytes / count
  return {
    what: made === undefined ? `${what}: nothing` : what,
    count,
    javaScriptBytes: each(after.javaScript - before.javaScript),
    rssBytes: each(after.rss - before.rss),
  }
}

async function settled(): Promise<{ readonly javaScript: number; readonly rss: number }> {
  for (let time = 0; time < 4; time++) {
    collectGarbage()
    // what is finalized is finalized in a later turn
    await new Promise(resolve => setImmediate(resolve))
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { javaScript: heapUsed + external, rss }
}

const [evidence] = (await readOwnEvidence()).filter(({ name }) => name === 'sgx-v3-phala')
if (evidence === undefined) throw new TypeError('no evidence')
const { quote, collateral, at } = evidence

/** Each with texts of its own, as if it had read them from a file; it has verified one quote. */
const manyVerifiers = (count: number): unknown =>
  Array.from({ length: count }, () => {
    const verifier = newVerifier(parseCollateral(Buffer.from(collateral).toString()), {
      roots: intelRoots,
    })
    verifier.verify(quote, { at })
    return verifier
  })

const simulated = simulatedPlatforms()
/** One verifier that has seen so many; their quotes are gone. */
const seen =
  (kept: (count: number) => Kept) =>
  (count: number): unknown => {
    const fresh: Collateral = parseCollateral(simulated.collateral)
    const verifier = newVerifier(fresh, { roots: [simulated.root], ...kept(count) })
    for (let index = 0; index < count; index++) {
      verifier.verify(simulated.quote(index), { at: simulated.at })
    }
    return verifier
  }

const growths = [
  await grow('a verifier with its collateral', verifiers, manyVerifiers),
  await grow(
    'a kept chain',
    platforms,
    seen(count => ({ maxChains: count, maxPlatforms: 0 })),
  ),
  await grow(
    'a kept chain with its platform',
    platforms,
    seen(count => ({ maxChains: count, maxPlatforms: count })),
  ),
]
process.stdout.write(`${JSON.stringify({ growths })}\n`)

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createPcs,
  createPlatform,
  encodePublication,
  type Publication,
  parsePublication,
  parseStoredAuthorities,
  type StoredAuthorities,
} from '@alcove/simulator'
import { UsageError } from '../exit.ts'
import { readSeed, StateError } from '../state.ts'
import { readAuthorities, readPublication } from './sim-state.ts'

/** What the simulated platforms of a cluster have in common: docs/formats/simulated-cluster.md. */
export interface ClusterKeys {
  /** 32 bytes, secret. */
  readonly seed: Uint8Array
  readonly authorities: StoredAuthorities
  readonly publication: Publication
}

/** The files of the keys' Secret, as its keys and below the folder where it is mounted. */
const FILES = { seed: 'seed', authorities: 'authorities.json', publication: 'pcs.json' } as const

export interface StateDeps {
  readonly now: Date
  readonly random: (length: number) => Uint8Array
}

/** The keys of a state directory, which is open; made there where it has none. */
export async function keysOfState(state: string, { now, random }: StateDeps): Promise<ClusterKeys> {
  const seed = await readSeed(state, random)
  const authorities = await readAuthorities(state, seed, now)
  return { seed, authorities, publication: readPublication(state) }
}

/**
 * The keys where the Secret is mounted.
 *
 * @throws {StateError} `ERR_STATE_SEED`, {@link PcsError}, {@link SimulatorError} for what `sim secret` would not have written
 */
export async function keysOfMount(directory: string): Promise<ClusterKeys> {
  const read = async (name: string) => {
    const path = join(directory, name)
    try {
      return await readFile(path)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new UsageError(`--keys ${directory}: ${reason}; mount the Secret that ${MADE_BY} makes`)
    }
  }
  const seed = Uint8Array.from(await read(FILES.seed))
  if (seed.byteLength !== 32) {
    throw new StateError(
      'ERR_STATE_SEED',
      `${join(directory, FILES.seed)} has ${seed.byteLength} bytes, not 32: make the Secret anew, ${MADE_BY}`,
    )
  }
  const publication = join(directory, FILES.publication)
  return {
    seed,
    authorities: parseStoredAuthorities((await read(FILES.authorities)).toString()),
    publication: parsePublication(publication, (await read(FILES.publication)).toString()),
  }
}

const MADE_BY = 'alcove sim secret | kubectl apply -f -'

export interface SecretPlace {
  readonly namespace: string
  readonly name: string
}

/** The Secret's data: base64, by key. */
export function secretData(keys: ClusterKeys): Readonly<Record<string, string>> {
  const base64 = (text: string) => new TextEncoder().encode(text).toBase64()
  return {
    [FILES.seed]: keys.seed.toBase64(),
    [FILES.authorities]: base64(JSON.stringify(keys.authorities)),
    [FILES.publication]: base64(encodePublication(keys.publication)),
  }
}

/** @throws {UsageError} for a name that the API server would refuse */
export function secretManifest(
  data: Readonly<Record<string, string>>,
  { namespace, name }: SecretPlace,
): object {
  requireName('namespace', namespace)
  requireName('name', name)
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'Opaque', data }
}

/** The same in YAML, for names that {@link secretManifest} took: nothing in it needs an escape. */
export function secretYaml(
  data: Readonly<Record<string, string>>,
  { namespace, name }: SecretPlace,
): string {
  return `# The seed in here is every key of the simulated platforms: keep it as you keep keys.
apiVersion: v1
kind: Secret
metadata:
  name: "${name}"
  namespace: "${namespace}"
type: Opaque
data:
${Object.entries(data)
  .map(([key, value]) => `  ${key}: "${value}"`)
  .join('\n')}`
}

/** The chart's values for a cluster of simulated nodes: deploy/helm/alcove/values.yaml. */
export interface ClusterValues {
  readonly platform: 'simulated'
  readonly simulator: { readonly keys: Readonly<Record<keyof typeof FILES, string>> }
}

export function clusterValues(data: Readonly<Record<string, string>>): ClusterValues {
  const key = (name: keyof typeof FILES): string => data[FILES[name]] ?? ''
  const keys = {
    seed: key('seed'),
    authorities: key('authorities'),
    publication: key('publication'),
  }
  return { platform: 'simulated', simulator: { keys } }
}

/** The same in YAML. */
export function clusterValuesYaml({ platform, simulator }: ClusterValues): string {
  return `# The seed in here is every key of the simulated platforms: keep it as you keep keys.
platform: ${platform}
simulator:
  keys:
${Object.entries(simulator.keys)
  .map(([key, value]) => `    ${key}: "${value}"`)
  .join('\n')}`
}

function requireName(option: string, value: string): void {
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(value)) return
  throw new UsageError(
    `--${option} ${value}: want 1 to 63 lower-case letters, digits and inner hyphens`,
  )
}

/** PEM: what a relying party that believes these platforms trusts. */
export function rootOf({ seed, authorities }: ClusterKeys, now: Date): string {
  return createPcs({ seed, now, stored: authorities }).rootPem
}

/** What a verifier needs for a quote of any of these platforms, issued now: they have one FMSPC and one PCK CA. */
export function collateralOf(
  { seed, authorities, publication }: ClusterKeys,
  { now, random }: StateDeps,
): object {
  return createPlatform({
    seed,
    now: () => now,
    random,
    epcBytes: 0,
    stored: authorities,
    publication: () => publication,
  }).collateral()
}

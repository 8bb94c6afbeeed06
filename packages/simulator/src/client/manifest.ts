import { matchesGlob } from 'node:path'
import { z } from 'zod'
import { SimulatorError } from '../simulator-error.ts'
import { isPlatformSigner, platformSignerPrefix } from './signer.ts'

/** A path in the enclave's folder, as the manifest and MRENCLAVE spell it: relative, forward slashes, no detours. */
const filePath = z
  .string()
  .min(1)
  .max(1024)
  .refine(path => isPlainPath(path), 'want a relative path with /, without ., .. or empty parts')

/** What `enclave.json` says. */
export interface EnclaveManifest {
  /** What the enclave is called, and measured as: lower-case letters, digits and inner hyphens. */
  readonly name: string
  /** The program's entry: a file in the folder. It is measured whether or not `files` matches it. */
  readonly main: string
  /** Paths, or globs as `*.ts` and `lib/**`, of the files that are measured; each has to match something. */
  readonly files: readonly string[]
  readonly heapMiB: number
  readonly isvProdId: number
  readonly isvSvn: number
  readonly debug: boolean
  /** The name that MRSIGNER is made of. */
  readonly signer: string
  /** Key separation and sharing; without it the enclave has not the attribute, and these fields of its REPORT are zero. */
  readonly kss?: KssManifest | undefined
}

/** Hex, of 16 bytes each but `configId`, which has 64. */
export interface KssManifest {
  readonly familyId: string
  readonly extProdId: string
  readonly configId: string
  readonly configSvn: number
}

const hex = (bytes: number) =>
  z
    .string()
    .regex(
      new RegExp(`^([0-9a-f]{2}){${bytes}}$`, 'i'),
      `want ${bytes} bytes in ${2 * bytes} hex digits`,
    )

/** Every page of the heap enters MRENCLAVE on its own, which takes about 2 s a GiB: more is not worth waiting for. */
const maxHeapMiB = 4096
const u16 = z.int().min(0).max(0xffff)

const manifestSchema: z.ZodType<EnclaveManifest> = z.strictObject({
  name: z
    .string()
    .max(63)
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'want lower-case letters, digits and inner hyphens'),
  main: filePath,
  files: z.array(filePath).max(256),
  heapMiB: z.int().min(0).max(maxHeapMiB),
  isvProdId: u16,
  isvSvn: u16,
  debug: z.boolean(),
  signer: z
    .string()
    .min(1)
    .max(255)
    .refine(name => !isPlatformSigner(name), {
      error: `a name that starts with ${platformSignerPrefix} is the platform's own`,
    }),
  kss: z
    .strictObject({ familyId: hex(16), extProdId: hex(16), configId: hex(64), configSvn: u16 })
    .optional(),
})

/** The folder of an enclave's program: the port through which its files are read. */
export interface EnclaveFolder {
  /** Every file in the folder and below it, relative and with forward slashes. */
  list(): Promise<readonly string[]>
  read(path: string): Promise<Uint8Array>
}

/** A file that is measured. */
export interface EnclaveFile {
  readonly path: string
  readonly content: Uint8Array
}

/**
 * Reads `enclave.json`.
 *
 * @throws {SimulatorError} `ERR_SIMULATOR_MANIFEST` naming every wrong field
 */
export function parseManifest(json: string): EnclaveManifest {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw refused('enclave.json is not JSON', cause)
  }
  const parsed = manifestSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.map(
    issue => `${issue.path.join('.') || '(top)'}: ${issue.message}`,
  )
  throw refused(`enclave.json: ${issues.join('; ')}`)
}

/**
 * The files that a manifest measures, once each, in the byte order of their paths.
 *
 * @throws {SimulatorError} `ERR_SIMULATOR_MANIFEST` where `main` is not there or an entry of `files` matches nothing
 */
export async function readEnclaveFiles(
  manifest: EnclaveManifest,
  folder: EnclaveFolder,
): Promise<readonly EnclaveFile[]> {
  const listed = await folder.list()
  const wanted = new Set([manifest.main])
  for (const pattern of manifest.files) {
    const found = listed.filter(path => path === pattern || matchesGlob(path, pattern))
    if (found.length === 0) throw refused(`enclave.json: files: '${pattern}' matches no file`)
    for (const path of found) wanted.add(path)
  }
  if (!listed.includes(manifest.main)) {
    throw refused(`enclave.json: main: there is no file '${manifest.main}'`)
  }
  return Promise.all([...wanted].map(async path => ({ path, content: await folder.read(path) })))
}

function isPlainPath(path: string): boolean {
  return !path.includes('\\') && path.split('/').every(part => !['', '.', '..'].includes(part))
}

function refused(message: string, cause?: unknown): SimulatorError {
  return new SimulatorError('ERR_SIMULATOR_MANIFEST', message, { cause })
}

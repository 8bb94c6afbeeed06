import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeQuote, encodeReport, parseQuote, type ReportBody } from '@alcove/sgx'
import type { AttestationFiles } from '../src/index.ts'

const realQuote = join(import.meta.dirname, '../../../vectors/sgx-v3-oasis/quote.bin')

export interface GramineOptions {
  readonly attestationType?: string
  /** What differs from the enclave of the real quote. */
  readonly body?: Partial<ReportBody>
  /** Of the machine and the signer; the keys of other SVNs are others. */
  readonly keys?: Readonly<Record<string, Uint8Array>>
  /** Called at the start of every read and write. */
  readonly onUse?: (use: string) => Promise<void> | void
}

/**
 * Gramine's /dev/attestation as it behaves: what was written stays, is padded with zeros or cut to its size, and goes into
 * whatever is read next. The enclave is that of a real quote; the quote is that one with the report data that was asked for,
 * so its signature is of another one.
 *
 * @see Gramine, libos/src/fs/dev/attestation.c
 */
export async function gramineFiles(options: GramineOptions = {}): Promise<AttestationFiles> {
  const { attestationType = 'dcap', onUse = () => undefined } = options
  const quote = parseQuote(Uint8Array.from(await readFile(realQuote)))
  if (quote.tee !== 'SGX') throw new Error('the quote is not of an enclave')
  const written = { user_report_data: new Uint8Array(64), target_info: new Uint8Array(512) }
  const body = () => ({ ...quote.body, ...options.body, reportData: written.user_report_data })
  const readable: Readonly<Record<string, (() => Uint8Array) | undefined>> = {
    attestation_type: () => new TextEncoder().encode(attestationType),
    report: () =>
      encodeReport({
        body: body(),
        keyId: new Uint8Array(32),
        mac: written.target_info.slice(0, 16),
      }),
    ...(attestationType !== 'none' && { quote: () => encodeQuote({ ...quote, body: body() }) }),
    ...Object.fromEntries(
      Object.entries(options.keys ?? {}).map(([name, key]) => [`keys/${name}`, () => key.slice()]),
    ),
  }
  return {
    read: async name => {
      await onUse(`read ${name}`)
      return readable[name]?.()
    },
    write: async (name, content) => {
      await onUse(`write ${name}`)
      if (name !== 'user_report_data' && name !== 'target_info') throw new Error('EACCES')
      const size = written[name].byteLength
      const buffer = new Uint8Array(size)
      buffer.set(content.subarray(0, size))
      written[name] = buffer
    },
  }
}

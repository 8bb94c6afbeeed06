import { FormatError } from '@alcove/bytes'

const longestChain = 64 * 1024
const mostCertificates = 8

/**
 * The certificates of a PEM text, as DER, in the order of the text. Between them only white space may stand; one trailing
 * NUL, which quotes carry, is ignored.
 *
 * @throws {FormatError} `ERR_FORMAT_VALUE`: no certificate, another text, bad base64, more than 64 KiB or 8 certificates.
 */
export function certificatesFromPem(text: string, name = 'chain'): Uint8Array[] {
  return pemBlocks(text, 'CERTIFICATE', name)
}

/** The one block of a PEM text with this label, as DER. */
export function singlePemBlock(text: string, label: string, name: string): Uint8Array {
  const [block, ...others] = pemBlocks(text, label, name)
  if (block !== undefined && others.length === 0) return block
  throw refuse(name, 0, `want one ${label}, found ${others.length + 1}`)
}

function pemBlocks(text: string, label: string, name: string): Uint8Array[] {
  if (text.length > longestChain) throw refuse(name, 0, `longer than ${longestChain} characters`)
  const blocks: Uint8Array[] = []
  const [opening, closing] = [`-----BEGIN ${label}-----`, `-----END ${label}-----`]
  const end = text.endsWith('\0') ? text.length - 1 : text.length
  for (let start = afterSpace(text, 0); start < end; ) {
    const body = start + opening.length
    const after = text.indexOf('-', body)
    if (!text.startsWith(opening, start) || !text.startsWith(closing, after) || after === -1) {
      throw refuse(name, start, `expected a PEM ${label}`)
    }
    if (blocks.length === mostCertificates) throw refuse(name, start, 'more than 8 PEM blocks')
    blocks.push(fromBase64(text.slice(body, after), `${name}[${blocks.length}]`, start))
    start = afterSpace(text, after + closing.length)
  }
  if (blocks.length === 0) throw refuse(name, 0, `no PEM ${label}`)
  return blocks
}

/** Where the white space that PEM may have between its blocks ends: tab, line feed, carriage return, space. */
function afterSpace(text: string, from: number): number {
  let at = from
  for (let code = text.charCodeAt(at); code <= 0x20; code = text.charCodeAt(++at)) {
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break
  }
  return at
}

function fromBase64(base64: string, field: string, offset: number): Uint8Array {
  try {
    return Uint8Array.fromBase64(base64, { lastChunkHandling: 'strict' })
  } catch {
    throw refuse(field, offset, 'not base64')
  }
}

function refuse(field: string, offset: number, detail: string): FormatError {
  return new FormatError('ERR_FORMAT_VALUE', field, offset, detail)
}

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
  // One memory for all blocks of a text: each of its own costs more than to read what is in it.
  let room = new Uint8Array(Math.ceil(text.length / 4) * 3)
  for (let start = afterSpace(text, 0); start < end; ) {
    const body = start + opening.length
    const after = text.indexOf('-', body)
    if (!text.startsWith(opening, start) || !text.startsWith(closing, after) || after === -1) {
      throw refuse(name, start, `expected a PEM ${label}`)
    }
    if (blocks.length === mostCertificates) throw refuse(name, start, 'more than 8 PEM blocks')
    const block = readBase64(text.slice(body, after), room)
    if (block === undefined) throw refuse(`${name}[${blocks.length}]`, start, 'not base64')
    blocks.push(block)
    room = room.subarray(block.byteLength)
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

/** At the start of `room`, which is large enough; `undefined` for what is not base64. */
function readBase64(base64: string, room: Uint8Array): Uint8Array | undefined {
  try {
    const { written } = room.setFromBase64(base64, { lastChunkHandling: 'strict' })
    return room.subarray(0, written)
  } catch {
    return undefined
  }
}

function refuse(field: string, offset: number, detail: string): FormatError {
  return new FormatError('ERR_FORMAT_VALUE', field, offset, detail)
}

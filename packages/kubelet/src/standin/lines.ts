import type { Socket } from 'node:net'
import { KubeletError } from '../kubelet-error.ts'
import { MAX_LINE_BYTES } from './control-protocol.ts'

const NEWLINE = 0x0a

/**
 * The lines that a peer sends, until it ends. The socket is left open when the caller stops early.
 *
 * @throws {KubeletError} `ERR_KUBELET_CONTROL` for a line that is too long or not UTF-8
 */
export async function* readLines(socket: Socket): AsyncGenerator<string, void> {
  let rest = Buffer.alloc(0)
  const chunks: AsyncIterable<Buffer> = socket.iterator({ destroyOnReturn: false })
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk])
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      yield decode(rest.subarray(0, end))
      rest = rest.subarray(end + 1)
    }
    checkLength(rest)
  }
}

function decode(line: Buffer): string {
  checkLength(line)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(line)
  } catch (cause) {
    throw new KubeletError('ERR_KUBELET_CONTROL', 'control line: not UTF-8', { cause })
  }
}

function checkLength({ byteLength }: Buffer): void {
  if (byteLength > MAX_LINE_BYTES) {
    throw new KubeletError('ERR_KUBELET_CONTROL', `control line: more than ${MAX_LINE_BYTES} bytes`)
  }
}

import { createHash } from 'node:crypto'
import { isPlatformId } from './platform-state.ts'

const digestDigits = 12
const longestStem = 63 - 1 - digestDigits

/**
 * The platform's id on a Kubernetes node: the node's name, where a platform may be called that; else as much of it as can
 * be read, and a digest that tells it from others. The same name gives the same id, always.
 *
 * @param name a node's: a DNS subdomain, of up to 253 characters
 */
export function platformIdOf(name: string): string {
  if (isPlatformId(name)) return name
  const stem = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, longestStem)
    .replaceAll(/^-|-$/g, '')
  const digest = createHash('sha256').update(name).digest('hex').slice(0, digestDigits)
  return stem === '' ? digest : `${stem}-${digest}`
}

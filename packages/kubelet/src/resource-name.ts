const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const PREFIX = new RegExp(`^${LABEL}(\\.${LABEL})*$`)
const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const MAX_PREFIX = 253
const MAX_NAME = 63

/**
 * Why `name` is no extended resource's name, or `undefined` if it is one: `domain/name`, outside `kubernetes.io`.
 *
 * @see docs/formats/device-plugin.md
 */
export function resourceNameFault(name: string): string | undefined {
  const [prefix = '', local, ...more] = name.split('/')
  if (local === undefined || more.length > 0) return 'want one "/": domain/name'
  if (prefix.length > MAX_PREFIX || !PREFIX.test(prefix)) return `"${prefix}" is no domain name`
  if (prefix.endsWith('kubernetes.io')) return 'kubernetes.io names are Kubernetes’ own'
  if (prefix.startsWith('requests.')) return '"requests." is taken by quotas'
  if (local.length > MAX_NAME || !NAME.test(local)) {
    return `"${local}" is not up to ${MAX_NAME} letters, digits, "-", "_", "."`
  }
  return undefined
}

import { test } from 'node:test'
import { findHelm } from './chart-renderings.ts'

const helm = await findHelm()
const NO_HELM = 'there is no helm: name one in HELM, or let npm run e2e build it'

/** A test of what Helm makes of the chart. Without one the test's line says that it did not run. */
export function withHelm(title: string, body: (helm: string) => Promise<void>): void {
  if (helm === undefined) test(title, { skip: NO_HELM })
  else test(title, () => body(helm))
}

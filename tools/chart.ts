// `npm run chart`: renders the chart's golden renderings anew. What has changed in them is for a person to read, in the diff.
import { writeFile } from 'node:fs/promises'
import { findHelm, goldenNames, goldenPath, readGolden, render } from './chart-renderings.ts'

const helm = await findHelm()
if (helm === undefined) {
  process.stderr.write('there is no helm: name one in HELM, or let `npm run e2e` build it\n')
  process.exit(1)
}
for (const name of await goldenNames()) {
  const rendered = await render(helm, name)
  const before = await readGolden(name).catch(() => '')
  await writeFile(goldenPath(name), rendered)
  process.stdout.write(`${name}: ${rendered === before ? 'as it was' : 'changed'}\n`)
}

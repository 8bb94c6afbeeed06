import { join } from 'node:path'
import type { Environment } from '@alcove/process'
import { buildImage } from '../../tools/image/build.ts'
import { writeArchive } from '../../tools/image/layout.ts'
import { addDerivedImage } from './derived-image.ts'

/** What an application's image would be that holds hello-enclave and the SDK. */
const HELLO_WORLD = {
  reference: 'alcove.dev/helloworld:1',
  entrypoint: ['/usr/local/bin/alcove-node', '/opt/alcove/examples/hello-enclave/main.ts'],
}

/** An archive of our own image, and of the one that stands for an application's: layers as they are, since nobody pulls them. */
export async function alcoveArchive(options: {
  /** Where it goes; nobody else's at the same time. */
  readonly folder: string
  readonly environment: Environment
  readonly print: (text: string) => void
}): Promise<string> {
  const { environment, folder, print } = options
  const layout = join(folder, 'alcove')
  await buildImage({ compression: 'none', layout, environment, onWarning: print })
  await addDerivedImage(layout, HELLO_WORLD)
  const archive = join(folder, 'alcove.tar')
  await writeArchive(layout, archive)
  return archive
}

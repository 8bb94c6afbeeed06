import { join } from 'node:path'

/** The project's folder: examples and vectors lie below it. */
export const projectRoot: string = join(import.meta.dirname, '../..')

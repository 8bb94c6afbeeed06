import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { World } from './world.ts'

/** The project's folder. */
export const projectRoot: string = join(import.meta.dirname, '../..')

/** The text of a manifest of the project: `e2e/manifests/helloworld.yaml`. */
export async function manifest(path: string): Promise<string> {
  return readFile(join(projectRoot, path), 'utf8')
}

/** `kubectl apply`, into a namespace where the text names none, until disposed of: `kubectl delete`, which answers when all of it is gone. */
export async function applied(
  { kubectl }: World,
  text: string,
  namespace?: string,
): Promise<AsyncDisposable> {
  const options = [...(namespace === undefined ? [] : ['--namespace', namespace]), '--filename=-']
  const remove = async (): Promise<void> => {
    await kubectl(['delete', '--ignore-not-found', '--wait', ...options], text)
  }
  await remove() // what a killed run left
  await kubectl(['apply', ...options], text)
  return { [Symbol.asyncDispose]: remove }
}

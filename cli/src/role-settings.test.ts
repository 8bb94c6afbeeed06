import { deepEqual } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { projectRoot } from './program-root.ts'
import {
  DEVICE_PLUGIN_SETTINGS,
  DISCOVERY_SETTINGS,
  QUOTE_HELPER_SETTINGS,
} from './role-settings.ts'

const roles: readonly [service: string, help: string][] = [
  ['device-plugin', DEVICE_PLUGIN_SETTINGS],
  ['discovery', DISCOVERY_SETTINGS],
  ['quote-helper', QUOTE_HELPER_SETTINGS],
]

for (const [service, help] of roles) {
  test(`the help of ${service} names every setting that it reads, and no other`, async () => {
    const source = await readFile(join(projectRoot, 'services', service, 'src/settings.ts'), 'utf8')
    const prefix = /new SettingsReader\(environment, '(\w+)'\)/.exec(source)?.[1] ?? ''
    const read = Array.from(
      source.matchAll(/reader\.(?:string|optional|integer)\(\s*'(\w+)'/g),
      ([, name = '']) => prefix + name,
    )
    const told = Array.from(help.matchAll(/^ {2}(\w+)/gm), ([, name = '']) => name)
    deepEqual(told.toSorted(), read.toSorted())
  })
}

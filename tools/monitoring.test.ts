import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { cacheDirectory } from '../e2e/build/cache-directory.ts'
import { findPrometheus } from '../e2e/build/prometheus-package.ts'
import {
  alertNames,
  alertsFile,
  alertTestsFile,
  dashboardExpressions,
  metricNames,
  type Panel,
  readDashboard,
} from './monitoring-files.ts'

const rules = readFileSync(alertsFile, 'utf8')
const ruleTests = readFileSync(alertTestsFile, 'utf8')
const dashboard = readDashboard()
const expressions = dashboardExpressions(dashboard)
const alerts = alertNames(rules)

/** What the device plugin serves, as it names it itself. */
function metricsServed(): ReadonlySet<string> {
  const source = join(import.meta.dirname, '../services/device-plugin/src/metrics.ts')
  const text = readFileSync(source, 'utf8')
  return new Set(Array.from(text.matchAll(/'((?:alcove|process)_\w+)'/g), ([, name = '']) => name))
}

test('the dashboard’s panels have ids of their own, and none lies over another', () => {
  const { panels } = dashboard
  equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  deepEqual(
    panels.filter(({ gridPos: { x, w } }) => x + w > 24).map(({ title }) => title),
    [],
  )
  const overlaps = panels.flatMap((one, index) =>
    panels
      .slice(index + 1)
      .flatMap(other => (overlap(one, other) ? [[one.title, other.title]] : [])),
  )
  deepEqual(overlaps, [])
})

function overlap({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
}

test('every panel asks something, for the nodes that were chosen, and every row and panel has a title', () => {
  equal(dashboard.uid, 'alcove')
  deepEqual(
    dashboard.templating.list.map(({ name, type }) => [name, type]),
    [
      ['datasource', 'datasource'],
      ['node', 'query'],
    ],
  )
  for (const { title, type, targets } of dashboard.panels) {
    if (type === 'row') continue
    ok(targets.length > 0, title)
    for (const { expr } of targets) match(expr, /node=~"\$node"/, title)
  }
})

test('alerts and dashboard ask for nothing that the device plugin does not serve, and the dashboard shows all that it does', () => {
  const served = metricsServed()
  ok(served.size > 0)
  const shown = metricNames(expressions.map(({ expression }) => expression).join('\n'))
  const asked = new Set([...shown, ...metricNames(rules.replaceAll(/kube_\w+/g, ''))])
  deepEqual(
    [...asked].filter(name => !served.has(name)),
    [],
  )
  deepEqual(
    [...served].filter(name => name.startsWith('alcove_') && !shown.has(name)),
    [],
  )
})

test('every alert has a severity, how long it waits, and a remedy to type', () => {
  equal(new Set(alerts).size, alerts.length)
  for (const rule of rules.split(/^ *- alert: /m).slice(1)) {
    const [name = ''] = rule.split('\n', 1)
    match(rule, /^ {8}for: \d+[smh]$/m, name)
    match(rule, /^ {10}severity: (critical|warning|info)$/m, name)
    match(rule, /^ {10}summary: .*\$labels\./m, name)
    match(rule, /^ {10}description: >-$(?:\n {12}.+)+/m, name)
    match(rule, /kubectl |helm |alcove doctor/, name)
  }
})

test('of every alert it is tested when it fires and when it does not', () => {
  for (const alert of alerts) {
    match(ruleTests, new RegExp(`name: '${alert} fires `), alert)
    match(ruleTests, new RegExp(`name: '${alert} does not fire `), alert)
  }
  const tested = Array.from(ruleTests.matchAll(/alertname="(\w+)"/g), ([, name = '']) => name)
  deepEqual(
    tested.filter(name => !alerts.includes(name)),
    [],
  )
})

/** In PATH, or that which `npm run e2e` has fetched. */
const environment = process.env
const promtool = (await findPrometheus({ cache: cacheDirectory(environment), environment }))
  ?.promtool

if (promtool === undefined) {
  test('rules and dashboard are for promtool to check, where it is', context => {
    context.diagnostic('promtool not run: not in PATH, and npm run e2e has not fetched it yet')
  })
} else {
  /** Its exit code is 0 for a file without rules too; what it says tells. */
  const succeeds = (...args: readonly string[]): void => {
    match(execFileSync(promtool, [...args], { encoding: 'utf8' }), /SUCCESS/)
  }

  test('promtool finds no fault with the alert rules', () => {
    succeeds('check', 'rules', alertsFile)
  })

  test('the alert rules pass their own tests', () => {
    succeeds('test', 'rules', alertTestsFile)
  })

  test('every expression of the dashboard parses', () => {
    const records = expressions.map(({ panel, expression }, index) => ({
      record: `dashboard:${index}`,
      expr: expression,
      labels: { panel },
    }))
    const directory = mkdtempSync(join(tmpdir(), 'alcove-dashboard-'))
    try {
      const file = join(directory, 'rules.json') // JSON is YAML
      writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: records }] }))
      succeeds('check', 'rules', file)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
}

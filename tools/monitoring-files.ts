// The alert rules and the dashboard of the chart, as tests and stories read them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const chart = join(import.meta.dirname, '..', 'deploy/helm/alcove')

export const alertsFile: string = join(chart, 'alerts.yaml')
export const alertTestsFile: string = join(chart, 'alerts.test.yaml')
export const dashboardFile: string = join(chart, 'dashboard.json')

/** What is read of a dashboard of Grafana's classic form. */
export interface Dashboard {
  readonly uid: string
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string }[]
  }
}

export interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  /** In a grid of 24 columns, from its upper left corner. */
  readonly gridPos: {
    readonly x: number
    readonly y: number
    readonly w: number
    readonly h: number
  }
  readonly targets: readonly { readonly refId: string; readonly expr: string }[]
}

const units = z.int().min(0)
const schema: z.ZodType<Dashboard> = z.object({
  uid: z.string(),
  schemaVersion: z.number(),
  panels: z.array(
    z.object({
      id: z.int(),
      type: z.string(),
      title: z.string().min(1),
      gridPos: z.object({ x: units, y: units, w: units.min(1), h: units.min(1) }),
      targets: z.array(z.object({ refId: z.string(), expr: z.string().min(1) })).default([]),
    }),
  ),
  templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string() })) }),
})

export function readDashboard(): Dashboard {
  return schema.parse(JSON.parse(readFileSync(dashboardFile, 'utf8')))
}

export interface PanelExpression {
  readonly panel: string
  /** What Prometheus is asked, over all nodes. */
  readonly expression: string
}

/** Every expression of the dashboard, with its variables filled in. @throws {Error} naming a variable that is not known */
export function dashboardExpressions({ panels }: Dashboard): readonly PanelExpression[] {
  return panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({ panel: title, expression: withVariables(expr) })),
  )
}

const VARIABLES: Readonly<Record<string, string>> = { node: '.*', __rate_interval: '1m' }

function withVariables(expr: string): string {
  return expr.replaceAll(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced, plain) => {
    const value = VARIABLES[String(braced ?? plain)]
    if (value === undefined) throw new Error(`the variable ${whole} is not known`)
    return value
  })
}

/** Names of the alerts that a file of rules has. */
export function alertNames(rules: string): readonly string[] {
  return Array.from(rules.matchAll(/^ *- alert: (\w+)$/gm), ([, name = '']) => name)
}

/** Names of metrics of the device plugin in a text: those of a histogram by its own name. */
export function metricNames(text: string): ReadonlySet<string> {
  const names = text.matchAll(/\b(?:alcove|process)_[a-z_]+\b/g)
  return new Set(
    Array.from(names, ([name]) => name.replace(/_seconds_(bucket|count|sum)$/, '_seconds')),
  )
}

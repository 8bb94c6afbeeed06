// What Prometheus' HTTP API answers: https://prometheus.io/docs/prometheus/latest/querying/api/
import { z } from 'zod'

const Answer = z.object({
  status: z.string(),
  data: z.unknown().optional(),
  error: z.string().default(''),
})

function dataOf<T>(schema: z.ZodType<T>, body: string): T {
  const { status, data, error } = Answer.parse(JSON.parse(body))
  if (status !== 'success') throw new Error(`Prometheus answers: ${error}`)
  return schema.parse(data)
}

const Labels = z.record(z.string(), z.string())

const BuildInfo = z.object({ version: z.string() })
const Targets = z.object({
  activeTargets: z.array(
    z.object({ labels: Labels, health: z.string(), lastError: z.string().default('') }),
  ),
})
const Rules = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({ name: z.string(), health: z.string(), lastError: z.string().default('') }),
      ),
    }),
  ),
})
const Alerts = z.object({ alerts: z.array(z.object({ labels: Labels, state: z.string() })) })
const Vector = z.object({
  resultType: z.literal('vector'),
  result: z.array(z.object({ metric: Labels, value: z.tuple([z.number(), z.string()]) })),
})

/** A rule that is loaded; `ok` once it has been evaluated. */
export interface RuleState {
  readonly name: string
  readonly health: string
  readonly lastError: string
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export function readBuildInfo(body: string): string {
  return dataOf(BuildInfo, body).version
}

/** Each target in a line: `sgx-a up`, `sgx-b down: connection refused`; sorted. */
export function readTargets(body: string): readonly string[] {
  const { activeTargets } = dataOf(Targets, body)
  return activeTargets
    .map(({ labels, health, lastError }) => {
      const why = lastError === '' ? '' : `: ${lastError}`
      return `${labels['node'] ?? labels['instance']} ${health}${why}`
    })
    .toSorted()
}

/** Every rule that is loaded. */
export function readRules(body: string): readonly RuleState[] {
  return dataOf(Rules, body).groups.flatMap(({ rules }) => rules)
}

/** Each alert that is firing or about to, in a line: `AlcoveSimulatedPlatform sgx-a firing`; sorted. */
export function readAlerts(body: string): readonly string[] {
  const { alerts } = dataOf(Alerts, body)
  return alerts
    .map(({ labels, state }) => `${labels['alertname']} ${labels['node']} ${state}`)
    .toSorted()
}

/** The result of an instant query. */
export function readVector(body: string): readonly Sample[] {
  const { result } = dataOf(Vector, body)
  return result.map(({ metric, value }) => ({ labels: metric, value: numberOf(value[1]) }))
}

/** The path of an instant query. */
export function queryPath(expression: string): string {
  return `/api/v1/query?${new URLSearchParams({ query: expression })}`
}

/** As Go writes it: `+Inf`, `-Inf` and `NaN` among them. */
function numberOf(text: string): number {
  return Number(text.replace('Inf', 'Infinity'))
}

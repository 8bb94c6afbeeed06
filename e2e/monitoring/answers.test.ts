import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import {
  queryPath,
  readAlerts,
  readBuildInfo,
  readRules,
  readTargets,
  readVector,
} from './answers.ts'

/** Bodies as Prometheus 2.42.0 wrote them, shortened. */
const success = (data: string): string => `{"status":"success","data":${data}}`

test('the version is the build’s', () => {
  const body = success('{"version":"2.42.0+ds","revision":"2.42.0+ds-5+deb12u1"}')
  equal(readBuildInfo(body), '2.42.0+ds')
})

test('a target is its node, with what is wrong where it is not up', () => {
  const target = (node: string, health: string, error: string): string =>
    `{"discoveredLabels":{},"labels":{"instance":"10.244.11.3:8081","job":"j","node":"${node}"},"scrapePool":"j","lastError":"${error}","health":"${health}"}`
  const down = target('sgx-b', 'down', 'connection refused')
  const body = success(
    `{"activeTargets":[${down},${target('sgx-a', 'up', '')}],"droppedTargets":[]}`,
  )
  deepEqual(readTargets(body), ['sgx-a up', 'sgx-b down: connection refused'])
})

test('rules are those of all groups', () => {
  const rule = (name: string): string =>
    `{"state":"inactive","name":"${name}","query":"up","duration":300,"alerts":[],"health":"ok","type":"alerting"}`
  const body = success(
    `{"groups":[{"name":"a","rules":[${rule('A')}]},{"name":"b","rules":[${rule('B')}]}]}`,
  )
  deepEqual(readRules(body), [
    { name: 'A', health: 'ok', lastError: '' },
    { name: 'B', health: 'ok', lastError: '' },
  ])
})

test('an alert is its name, its node and whether it fires', () => {
  const alert = (name: string, state: string): string =>
    `{"labels":{"alertname":"${name}","node":"sgx-a","severity":"info"},"annotations":{"summary":"s"},"state":"${state}","activeAt":"2026-11-25T02:54:32.314Z","value":"1e+00"}`
  const body = success(`{"alerts":[${alert('B', 'firing')},${alert('A', 'pending')}]}`)
  deepEqual(readAlerts(body), ['A sgx-a pending', 'B sgx-a firing'])
  deepEqual(readAlerts(success('{"alerts":[]}')), [])
})

test('values of a vector are numbers, infinity included', () => {
  const sample = (value: string): string =>
    `{"metric":{"__name__":"up"},"value":[1764039272.1,"${value}"]}`
  const body = success(`{"resultType":"vector","result":[${sample('5.8e7')},${sample('+Inf')}]}`)
  const [one, other] = readVector(body)
  deepEqual(one, { labels: { __name__: 'up' }, value: 58e6 })
  equal(other?.value, Number.POSITIVE_INFINITY)
})

test('what Prometheus refuses is said with its reason', () => {
  const body =
    '{"status":"error","errorType":"bad_data","error":"1:5: parse error: unexpected end of input"}'
  throws(() => readVector(body), /unexpected end of input/)
})

test('an expression is quoted in a path', () => {
  equal(queryPath('a{b="c d"} + 1'), '/api/v1/query?query=a%7Bb%3D%22c+d%22%7D+%2B+1')
})

import { deepEqual, equal } from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { parseCertificate } from './certificate.ts'
import { intelRoots } from './intel-roots.ts'

const intelKey =
  '0ba9c4c0c0c86193a3fe23d6b02cda10a8bbd4e88e48b4458561a36e705525f567918e2edc88e40d860bd0cc4ee26aacc988e505a953558c453f6b0904ae7394'

test("Intel's two roots carry Intel's one key, sign themselves, and end in 2033 and 2049", () => {
  const roots = intelRoots.map(der => parseCertificate(der))
  for (const root of roots) {
    equal(root.key.point.toHex(), intelKey)
    equal(root.key.verifies(root.signed, root.signature), true)
    equal(root.subject.commonName, 'Intel SGX Root CA')
    equal(root.serial, '22650cd65a9d3489f383b49552bf501b392706ac')
  }
  deepEqual(
    roots.map(({ notAfter }) => notAfter.toISOString()),
    ['2033-05-21T10:41:10.000Z', '2049-12-31T23:59:59.000Z'],
  )
  deepEqual(
    intelRoots.map(der => hash('sha256', der)),
    [
      'fc64f8076d79a4fee9d1d473d74c89eb8d8fd55c5abafeabeba7366d20429404',
      '44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3',
    ],
  )
})

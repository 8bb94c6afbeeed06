// A bare @grpc/grpc-js server on a unix socket: what gRPC costs before anything of ours.
import { rmSync } from 'node:fs'
// biome-ignore lint/correctness/noUndeclaredDependencies: the one that the device plugin depends on
import { Server, ServerCredentials } from '@grpc/grpc-js'

const bytes = { serialize: value => value, deserialize: value => value }
const server = new Server()
server.addService(
  {
    echo: {
      path: '/Echo/Echo',
      requestStream: false,
      responseStream: false,
      requestSerialize: bytes.serialize,
      requestDeserialize: bytes.deserialize,
      responseSerialize: bytes.serialize,
      responseDeserialize: bytes.deserialize,
    },
  },
  { echo: (call, answer) => answer(null, call.request) },
)
const [, , path] = process.argv
rmSync(path, { force: true }) // of a run before
server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), error => {
  if (error !== null) throw error
  process.stdout.write('ready\n')
})

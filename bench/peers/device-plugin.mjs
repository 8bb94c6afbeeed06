// A bare @grpc/grpc-js device plugin: one device, registered again when the kubelet's socket is made anew, and nothing else.
// Its messages have a few short strings, so they are written by hand: no protobuf library is measured along.
import { existsSync, rmSync, watch } from 'node:fs'
import { join } from 'node:path'
// biome-ignore lint/correctness/noUndeclaredDependencies: the one that the device plugin depends on
import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js'

const [, , directory, resource] = process.argv
const socket = join(directory, 'bare.sock')
const as = value => value
const empty = Buffer.alloc(0)

/** A length-delimited protobuf field of less than 128 bytes. */
const field = (number, value) => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.of((number << 3) | 2, bytes.length), bytes])
}
const devices = field(1, Buffer.concat([field(1, 'device-0'), field(2, 'Healthy')]))
const registration = Buffer.concat([field(1, 'v1beta1'), field(2, 'bare.sock'), field(3, resource)])

const method = (name, responseStream = false) => ({
  path: `/v1beta1.DevicePlugin/${name}`,
  requestStream: false,
  responseStream,
  requestSerialize: as,
  requestDeserialize: as,
  responseSerialize: as,
  responseDeserialize: as,
})
const service = {
  options: method('GetDevicePluginOptions'),
  list: method('ListAndWatch', true),
  allocate: method('Allocate'),
}
const handlers = {
  options: (_call, answer) => answer(null, empty),
  list: call => call.write(devices),
  allocate: (_call, answer) => answer(null, field(1, empty)),
}

let server
function serve() {
  server?.forceShutdown()
  server = new Server()
  server.addService(service, handlers)
  rmSync(socket, { force: true })
  server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), error => {
    if (error !== null) throw error
    register()
  })
}

function register() {
  const options = { 'grpc.use_local_subchannel_pool': 1 }
  const kubelet = `unix:${join(directory, 'kubelet.sock')}`
  const client = new Client(kubelet, credentials.createInsecure(), options)
  client.makeUnaryRequest('/v1beta1.Registration/Register', as, as, registration, error => {
    client.close()
    if (error !== null) process.stderr.write(`not registered: ${error.message}\n`)
  })
}

watch(directory, (_event, name) => {
  if (name === 'kubelet.sock' && existsSync(join(directory, name))) serve()
})
serve()

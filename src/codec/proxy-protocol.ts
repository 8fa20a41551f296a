export class ProxyHeader { local = true; source = ''; sourcePort = 0; destination = ''; destinationPort = 0
  parse(_b: Uint8Array, _e: number): number { return -1 } }
export function writeV1(_s: string, _sp: number, _d: string, _dp: number): Buffer { return Buffer.alloc(0) }
export function writeV2(_a: object, _t?: object): Buffer { return Buffer.alloc(0) }

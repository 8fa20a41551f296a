/** What the budget of handshakes costs one of them, before any cryptography. */
import { minutes } from '../../src/core/clock.ts'
import { HostHandshakeRate } from '../../src/guard/host-handshake-rate.ts'
import { TicketTrust } from '../../src/guard/ticket-trust.ts'
import { AddressTable } from '../../src/shared/address-table.ts'
import { GoodRecords } from '../../src/shared/good-records.ts'
import { ADDRESS_WORDS } from '../../src/core/address.ts'
import { randomHashKey } from '../../src/core/hash.ts'

const ADDRESSES = 65_536
const key = randomHashKey()
const table = new AddressTable(
  new SharedArrayBuffer(AddressTable.bytes(ADDRESSES)),
  0,
  ADDRESSES,
  key,
)
const good = new GoodRecords(new SharedArrayBuffer(GoodRecords.bytes(ADDRESSES)), 0, ADDRESSES, key)
const words = new Int32Array(ADDRESS_WORDS)
const records = {
  hasSlot: (slot: number) => table.copyAddress(slot, words) && good.has(words, minutes()),
}
const stranger = table.acquire(Int32Array.of(0, 0, 0xffff, 1), 0)
const known = table.acquire(Int32Array.of(0, 0, 0xffff, 2), 0)
good.mark(Int32Array.of(0, 0, 0xffff, 2), minutes())

/** @param burst 1,000,000 never runs dry here, 2 soon has */
function guard(burst: number): HostHandshakeRate {
  const limits = { hostHandshakeRate: 60_000, hostHandshakeBurst: burst }
  return new HostHandshakeRate(new Int32Array(new SharedArrayBuffer(8)), limits, records)
}

const full = guard(1_000_000)
const dry = guard(2)
const limits = {
  handshakeRate: 60_000,
  handshakeBurst: 1_000_000,
  hostHandshakeRate: 60_000,
  hostHandshakeBurst: 1_000_000,
}
const trust = new TicketTrust(table, new Int32Array(new SharedArrayBuffer(8)), limits, full)
let n = 0

export const handshakeParts: Readonly<Record<string, () => void>> = {
  'handshakes of the host: a token': () => void full.check(stranger, n++),
  'handshakes of the host: a stranger refused': () => void dry.check(stranger, 0),
  'handshakes of the host: a good record, none left': () => void dry.check(known, 0),
  'ticket of ours: believed, and it resumed': () => {
    const believed = trust.believes(stranger, n)
    trust.settle(stranger, believed, true, n++)
  },
}

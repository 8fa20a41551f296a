/** The soft limit of descriptors of a weir that runs, changed from outside to make it short of them. */
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import type { RunningWeir } from './weir.ts'

/** Lowers the limit, so that so much of it is used. */
export function leaveDescriptors({ child }: RunningWeir, share: number): void {
  const open = readdirSync(`/proc/${child.pid}/fd`).length
  limitDescriptors(child.pid!, Math.floor(open / share))
}

export function limitDescriptors(pid: number, soft: number | string): void {
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${soft}:`])
}

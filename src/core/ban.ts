/** What threads tell each other of bans. */

/** A ban that a guard just made. */
export interface BanNotice {
  /** As it is counted: without the bits that one client may choose. */
  readonly address: Int32Array
  /** Seconds since the process started. */
  readonly until: number
  /** Its connections come from itself, not from a proxy that spoke for it. */
  readonly isDirect: boolean
  /** The refusal that was one too many. */
  readonly refused: number
}

/** A block that an operator banned. */
export interface BannedBlock {
  readonly cidr: string
  /** Seconds since the process started. */
  readonly until: number
}

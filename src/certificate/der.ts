/**
 * The few DER shapes certificates are made of (ITU-T X.690), as verbs over node-forge's ASN.1.
 *
 * node-forge knows no elliptic curve keys, so its own certificate builder cannot be used: weir puts
 * the structures together from these, and node:crypto makes the keys and the signatures.
 */
import forge from 'node-forge'

export type Der = forge.asn1.Asn1

const { asn1 } = forge
const { Class, Type } = asn1

/** RFC 5280 §4.1.2.5: two-digit years up to and including 2049, four digits after that. */
const UTC_TIME_FIRST_YEAR = 1950
const UTC_TIME_LAST_YEAR = 2049

export function sequence(...parts: readonly Der[]): Der {
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, [...parts])
}

export function set(...parts: readonly Der[]): Der {
  return asn1.create(Class.UNIVERSAL, Type.SET, true, [...parts])
}

/** @param oid dotted, such as `2.5.29.17` */
export function identifier(oid: string): Der {
  return primitive(Type.OID, asn1.oidToDer(oid).getBytes())
}

export function smallInteger(value: number): Der {
  return primitive(Type.INTEGER, asn1.integerToDer(value).getBytes())
}

/** @param bytes big-endian two's complement, already minimal */
export function integer(bytes: Uint8Array): Der {
  return primitive(Type.INTEGER, binary(bytes))
}

/** DER leaves out what has its default, and the flags of RFC 5280 default to false: true only. */
export function yes(): Der {
  return primitive(Type.BOOLEAN, '\xff')
}

export function nothing(): Der {
  return primitive(Type.NULL, '')
}

export function octets(bytes: Uint8Array): Der {
  return primitive(Type.OCTETSTRING, binary(bytes))
}

/** @param unusedBits how many of the last byte's low bits do not count; 0 to 7 */
export function bits(bytes: Uint8Array, unusedBits = 0): Der {
  return primitive(Type.BITSTRING, String.fromCharCode(unusedBits) + binary(bytes))
}

export function utf8(text: string): Der {
  return primitive(Type.UTF8, binary(Buffer.from(text, 'utf8')))
}

/** @param text of the characters of `PrintableString` only */
export function printable(text: string): Der {
  return primitive(Type.PRINTABLESTRING, text)
}

/** UTCTime or GeneralizedTime, as RFC 5280 §4.1.2.5 demands; milliseconds are dropped. */
export function time(date: Date): Der {
  const year = date.getUTCFullYear()
  return year >= UTC_TIME_FIRST_YEAR && year <= UTC_TIME_LAST_YEAR
    ? primitive(Type.UTCTIME, asn1.dateToUtcTime(date))
    : primitive(Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(date))
}

/** What {@link time} writes; null for any other element. */
export function readTime(element: Der): Date | null {
  if (typeof element.value !== 'string' || element.tagClass !== Class.UNIVERSAL) return null
  if (element.type === Type.UTCTIME) return asn1.utcTimeToDate(element.value)
  if (element.type === Type.GENERALIZEDTIME) return asn1.generalizedTimeToDate(element.value)
  return null
}

/** A context-specific tag around whole elements: `[number] EXPLICIT`, or an implicit SEQUENCE or SET. */
export function tagged(number: number, ...parts: readonly Der[]): Der {
  return asn1.create(Class.CONTEXT_SPECIFIC, number, true, [...parts])
}

/** A context-specific tag in place of that of a primitive: `[number] IMPLICIT`. */
export function taggedBytes(number: number, bytes: Uint8Array): Der {
  return asn1.create(Class.CONTEXT_SPECIFIC, number, false, binary(bytes))
}

export function encode(element: Der): Buffer {
  return Buffer.from(asn1.toDer(element).getBytes(), 'latin1')
}

/** @throws Error if the bytes are not DER */
export function decode(bytes: Uint8Array): Der {
  // node-forge tries to read DER inside of bit strings, and a key may look like it by chance. Its
  // types know `strict` only.
  return asn1.fromDer(binary(bytes), { decodeBitStrings: false } as unknown as boolean)
}

/** The elements inside a sequence, a set or an explicit tag; none of a primitive. */
export function children(element: Der): readonly Der[] {
  return typeof element.value === 'string' ? [] : element.value
}

/** The bytes of a primitive, without tag and length; none of a sequence. */
export function contents(element: Der): Buffer {
  return typeof element.value === 'string' ? Buffer.from(element.value, 'latin1') : Buffer.alloc(0)
}

/** The dotted form of an object identifier. */
export function dotted(element: Der): string {
  return asn1.derToOid(binary(contents(element)))
}

function primitive(type: forge.asn1.Type, bytes: string): Der {
  return asn1.create(Class.UNIVERSAL, type, false, bytes)
}

/** node-forge holds bytes in strings, one character each. */
function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

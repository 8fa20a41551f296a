/**
 * Routes of one host by path: a tree of segments, so that a request costs as many steps as its route has
 * segments, however many routes there are.
 *
 * Parameters (`;x=1`) of a segment are left out of the comparison: some backends drop them, and
 * `/admin;x/users` must not get past the route of `/admin`.
 */
import { SEMICOLON, SLASH } from '../codec/http1/characters.ts'
import { comparablePath } from '../codec/http1/target.ts'

/** Children that are compared one by one; more are looked up, which makes a string of the segment. */
const LINEAR_MAX = 8

export class PathTree<Route> {
  readonly #root = new Node<Route>('')

  /** @param path as it is compared, without parameters; as a prefix it stands for whole segments */
  add(path: string, exact: boolean, route: Route): void {
    let node = this.#root
    for (const segment of path.split('/')) if (segment !== '') node = node.grow(segment)
    if (!exact) node.prefix = route
    else if (path.endsWith('/')) node.exactSlash = route
    else node.exact = route
  }

  /**
   * The route of all of `path`, or of the longest prefix.
   *
   * @param path in normal form, or `*`
   */
  find(path: string): Route | null {
    return this.#find(comparablePath(path))
  }

  #find(path: string): Route | null {
    let node = this.#root
    let best = node.prefix
    let endsInSlash = false
    const { length } = path
    // At a slash in each turn, but for `*`.
    for (let at = path.charCodeAt(0) === SLASH ? 0 : length; at < length; ) {
      const start = at + 1
      let end = start
      let code = path.charCodeAt(end)
      while (end < length && code !== SLASH && code !== SEMICOLON) code = path.charCodeAt(++end)
      endsInSlash = end === start
      if (!endsInSlash) {
        const child = node.child(path, start, end)
        if (child === null) return best
        node = child
        best = node.prefix ?? best
      }
      at = nextSlash(path, end)
    }
    return (endsInSlash ? node.exactSlash : node.exact) ?? best
  }
}

export function countSegments(path: string): number {
  return path.split('/').filter(segment => segment !== '').length
}

/**
 * What is left of `path` without its first segments: begins with a slash.
 *
 * @param path in normal form: no segment but the last is empty
 */
export function withoutSegments(path: string, count: number): string {
  let at = 0
  for (let left = count; left > 0; left--) at = nextSlash(path, at + 1)
  return at < path.length ? path.slice(at) : '/'
}

/** Where the segment ends that `at` is in, or after: at a slash, or at the end of `path`. */
function nextSlash(path: string, at: number): number {
  const slash = path.indexOf('/', at)
  return slash === -1 ? path.length : slash
}

class Node<Route> {
  readonly segment: string
  prefix: Route | null = null
  exact: Route | null = null
  /** Of the same path with a slash at its end. */
  exactSlash: Route | null = null
  readonly #children: Node<Route>[] = []
  readonly #bySegment = new Map<string, Node<Route>>()

  constructor(segment: string) {
    this.segment = segment
  }

  /** The child for `segment`, made if there is none. */
  grow(segment: string): Node<Route> {
    let child = this.#bySegment.get(segment)
    if (child === undefined) {
      child = new Node(segment)
      this.#children.push(child)
      this.#bySegment.set(segment, child)
    }
    return child
  }

  /** The child for what stands in `path` from `start` to before `end`. */
  child(path: string, start: number, end: number): Node<Route> | null {
    const children = this.#children
    if (children.length > LINEAR_MAX) return this.#bySegment.get(path.slice(start, end)) ?? null
    for (let i = 0; i < children.length; i++) {
      const child = children[i]!
      if (child.segment.length === end - start && path.startsWith(child.segment, start)) {
        return child
      }
    }
    return null
  }
}

// The fast codec: one pair of functions per struct, version and direction, made from the schema as source
// text and compiled by the engine. What it must do is what interpret.ts does; the tests hold them together.
//
// A struct's reader and writer look like this (OffsetCommit's partition, version 8):
//
//   function r1(r) {
//     const f0 = r.int32(), f1 = r.int64(), f2 = r.int32(), f3 = r.nullableString(true)
//     r.skipTagged()
//     return { partitionIndex: f0, committedOffset: f1, committedLeaderEpoch: f2, committedMetadata: f3 }
//   }
//   function w1(w, o) {
//     let v
//     v = o.partitionIndex; if (v == null) …; w.int32(v)
//     …
//     w.unsignedVarint(0)
//   }

import {
  defaultOf,
  isDefault,
  minElementSizeOf,
  refuseAbsent,
  refuseMissing,
  refuseNull,
} from './field-rules.ts'
import type { VersionCodec } from './interpret.ts'
import { elementOf, fieldsOf, hasField, isNullable, type NamedField, type WireType } from './schema.ts'

/** What the compiled text may call besides reader and writer. */
const helpers = { defaultOf, isDefault, refuseAbsent, refuseMissing, refuseNull }

/** Throws EvalError where code from strings is forbidden. */
export function compile(body: WireType, version: number, flexible: boolean): VersionCodec {
  const source = new Source(version, flexible)
  const read = source.reader(body)
  const write = source.writer(body)
  const text = `'use strict'
const { defaultOf, isDefault, refuseAbsent, refuseMissing, refuseNull } = helpers
${source.functions.join('\n')}
return { read: ${read}, write: ${write} }`
  // The text comes from our schemas alone, and names are checked: nothing from outside can reach it.
  // oxlint-disable-next-line typescript/no-implied-eval
  return new Function('helpers', 'fields', text)(helpers, source.fields) as VersionCodec
}

class Source {
  readonly functions: string[] = []
  /** Fields that the text refers to by index: those with defaults that cannot be written as text. */
  readonly fields: NamedField[] = []
  private readonly version: number
  private readonly flexible: boolean

  constructor(version: number, flexible: boolean) {
    this.version = version
    this.flexible = flexible
  }

  private add(prefix: string, text: (name: string) => string): string {
    const name = `${prefix}${this.functions.length}`
    // The place is taken first: functions that `text` adds must not get the same name.
    const at = this.functions.push('') - 1
    this.functions[at] = text(name)
    return name
  }

  private reference(field: NamedField): string {
    return `fields[${this.fields.push(field) - 1}]`
  }

  private default(field: NamedField): string {
    if (field.default === undefined && field.type.kind === 'array') return '[]'
    const value = defaultOf(field)
    if (typeof value === 'bigint') return `${value}n`
    if (value === null || typeof value !== 'object') return JSON.stringify(value)
    return `defaultOf(${this.reference(field)})`
  }

  // Reading

  reader(type: WireType): string {
    return this.add('r', (name) => {
      const fields = fieldsOf(type)
      const lines: string[] = []
      const tagged: string[] = []
      fields.forEach((field, i) => {
        const has = hasField(field, this.version)
        const nullable = isNullable(field, this.version)
        if (has && field.tag === undefined) {
          lines.push(`const f${i} = ${this.readExpression(field.type, nullable)}`)
        } else {
          lines.push(`let f${i} = ${this.default(field)}`)
          if (has) {
            tagged.push(
              `case ${field.tag}: f${i} = ${this.readExpression(field.type, nullable)}; r.checkTaggedEnd(end); break`,
            )
          }
        }
      })
      if (this.flexible) lines.push(tagged.length === 0 ? 'r.skipTagged()' : taggedLoop(tagged))
      const properties = fields.map((field, i) => `${nameOf(field)}: f${i}`)
      return `function ${name}(r) {\n${lines.join('\n')}\nreturn { ${properties.join(', ')} }\n}`
    })
  }

  private readExpression(type: WireType, nullable: boolean): string {
    switch (type.kind) {
      case 'string':
        return `r.${nullable ? 'nullableString' : 'string'}(${this.flexible})`
      case 'bytes':
        return `r.${nullable ? 'nullableBytes' : 'bytes'}(${this.flexible})`
      case 'records':
        return `r.records(${this.flexible})`
      case 'array':
        return `${this.arrayReader(type, nullable)}(r)`
      case 'struct': {
        const read = `${this.reader(type)}(r)`
        return nullable ? `(r.structIsPresent() ? ${read} : null)` : read
      }
      default:
        return `r.${type.kind}()`
    }
  }

  private arrayReader(type: WireType, nullable: boolean): string {
    return this.add('a', (name) => {
      const size = minElementSizeOf(type, this.version, this.flexible)
      const element = elementOf(type)
      return `function ${name}(r) {
const n = r.count(${this.flexible}, ${nullable}, ${size})
if (n < 0) return null
const values = []
for (let i = 0; i < n; i++) values.push(${this.readExpression(element, element.nullable)})
return values
}`
    })
  }

  // Writing

  writer(type: WireType): string {
    return this.add('w', (name) => {
      const lines = ['let v']
      const tagged: { field: NamedField; variable: string }[] = []
      for (const field of fieldsOf(type)) {
        lines.push(`v = o.${nameOf(field)}`)
        if (!hasField(field, this.version)) {
          lines.push(this.absentCheck(field))
        } else if (field.tag === undefined) {
          lines.push(
            this.nullCheck(field, 'v'),
            this.writeStatement(field.type, 'v', isNullable(field, this.version)),
          )
        } else {
          const variable = `t${field.tag}`
          lines.push(`const ${variable} = v`)
          tagged.push({ field, variable })
        }
      }
      if (this.flexible) lines.push(this.taggedWriter(tagged))
      return `function ${name}(w, o) {\n${lines.join('\n')}\n}`
    })
  }

  /** For a field that the version lacks, or that is required. */
  private absentCheck(field: NamedField): string {
    const name = JSON.stringify(field.name)
    if (!field.optional) return `if (v === undefined) refuseMissing(${name})`
    if (field.ignorable) return ''
    return `if (v !== undefined && !isDefault(${this.reference(field)}, v)) refuseAbsent(${name}, ${this.version})`
  }

  private nullCheck(field: NamedField, variable: string): string {
    const name = JSON.stringify(field.name)
    const whenUndefined = field.optional ? `${variable} = ${this.default(field)}` : `refuseMissing(${name})`
    if (isNullable(field, this.version)) return `if (${variable} === undefined) ${whenUndefined}`
    return `if (${variable} == null) { if (${variable} === null) refuseNull(${name}, ${this.version}); ${whenUndefined} }`
  }

  private writeStatement(type: WireType, value: string, nullable: boolean): string {
    switch (type.kind) {
      case 'string':
        return `w.${nullable ? 'nullableString' : 'string'}(${this.flexible}, ${value})`
      case 'bytes':
        return `w.${nullable ? 'nullableBytes' : 'bytes'}(${this.flexible}, ${value})`
      case 'records':
        return `w.records(${this.flexible}, ${value})`
      case 'array': {
        const element = elementOf(type)
        const write = `w.count(${this.flexible}, ${value}.length)
for (let i = 0; i < ${value}.length; i++) { ${this.writeStatement(element, `${value}[i]`, element.nullable)} }`
        return nullable ? `if (${value} === null) w.count(${this.flexible}, -1)\nelse { ${write} }` : write
      }
      case 'struct': {
        const write = `${this.writer(type)}(w, ${value})`
        return nullable ? `w.structIsPresent(${value} !== null); if (${value} !== null) ${write}` : write
      }
      default:
        return `w.${type.kind}(${value})`
    }
  }

  private taggedWriter(tagged: { field: NamedField; variable: string }[]): string {
    if (tagged.length === 0) return 'w.unsignedVarint(0)'
    tagged.sort((a, b) => (a.field.tag ?? 0) - (b.field.tag ?? 0))
    const lines = ['let n = 0']
    for (const { field, variable } of tagged) {
      lines.push(`const has_${variable} = !isDefault(${this.reference(field)}, ${variable})`)
      lines.push(`if (has_${variable}) n++`)
    }
    lines.push('w.unsignedVarint(n)')
    for (const { field, variable } of tagged) {
      const nullable = isNullable(field, this.version)
      const refuse = nullable
        ? ''
        : `if (${variable} === null) refuseNull(${JSON.stringify(field.name)}, ${this.version})`
      lines.push(`if (has_${variable}) {
${refuse}
w.unsignedVarint(${field.tag})
const at = w.beginSized()
${this.writeStatement(field.type, variable, nullable)}
w.endSized(at)
}`)
    }
    return lines.join('\n')
  }
}

function taggedLoop(cases: string[]): string {
  return `const n = r.taggedCount()
for (let i = 0, tag = -1; i < n; i++) {
tag = r.tag(tag)
const end = r.taggedEnd()
switch (tag) {
${cases.join('\n')}
default: r.position = end
}
}`
}

/** A field's name goes into source text: nothing but a plain name may. */
function nameOf(field: NamedField): string {
  if (!/^[a-z][A-Za-z0-9]*$/.test(field.name)) throw new Error(`"${field.name}" is no name for a field`)
  return field.name
}

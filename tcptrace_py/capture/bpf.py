"""Capture filters on recorded packets: the machine of McCanne and Jacobson (1993), classic BPF.

A program is what ``tcpdump -ddd`` prints: instructions of four numbers.  It computes on unsigned 32-bit numbers and ends
with how much of the packet to take, of which only none or some matters here.  Whatever lies beyond the captured bytes
ends it with none, as in the kernel.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.packet import Record
from tcptrace_py.words import read_i64_be, vec

MAX_INSTRUCTIONS: Final = 65536
MEMORY: Final = 16
_MASK: Final = 0xFFFFFFFF

# classes, in the lowest three bits of a code
LD: Final = 0
LDX: Final = 1
ST: Final = 2
STX: Final = 3
ALU: Final = 4
JMP: Final = 5
RET: Final = 6
MISC: Final = 7

# how an operand is found
IMM: Final = 0x00
ABS: Final = 0x20
IND: Final = 0x40
MEM: Final = 0x60
LEN: Final = 0x80
MSH: Final = 0xA0


@mypyc_attr(acyclic=True)
class Program:
    """A compiled filter."""

    def __init__(self, instructions: list[tuple[int, int, int, int]]) -> None:
        """Each: code, jump if true, jump if false, operand.  Raises ValueError when it could run wild."""
        count = len(instructions)
        if not 0 < count <= MAX_INSTRUCTIONS:
            raise ValueError(f"a filter of {count} instructions")
        for at, (code, if_true, if_false, k) in enumerate(instructions):
            kind = code & 7
            farthest = k if kind == JMP and code & 0xF0 == 0 else max(if_true, if_false) if kind == JMP else 0
            if at + 1 + farthest >= count and kind != RET:
                raise ValueError(f"instruction {at} leads out of the filter")
            if kind in (ST, STX) or (kind in (LD, LDX) and code & 0xE0 == MEM):
                if k >= MEMORY:
                    raise ValueError(f"instruction {at} uses memory that is not there")
        self.codes = vec[i64]([code for code, _, _, _ in instructions])
        self.if_true = vec[i64]([jump for _, jump, _, _ in instructions])
        self.if_false = vec[i64]([jump for _, _, jump, _ in instructions])
        self.operands = vec[i64]([k & _MASK for _, _, _, k in instructions])
        self.memory = vec[i64]([0] * MEMORY)

    def takes(self, record: Record) -> bool:
        """Whether the filter takes a packet."""
        a: i64 = 0
        x: i64 = 0
        at: i64 = 0
        while True:  # jumps lead forwards, and the last instruction returns
            code = self.codes[at]
            k = self.operands[at]
            kind: i64 = code & 7
            at += 1
            if kind == LD:
                a = self.load(record, code, k, x)
                if a < 0:
                    return False
            elif kind == JMP:
                at += self.jump(code, at - 1, k, a, x)
            elif kind == RET:
                return (a if code & 0x18 == 0x10 else k) != 0
            elif kind == LDX:
                x = self.load_index(record, code, k)
                if x < 0:
                    return False
            elif kind == ALU:
                a = compute(code, a, x if code & 8 else k)
                if a < 0:
                    return False
            elif kind == MISC:
                if code & 0x80:
                    a = x
                else:
                    x = a
            elif kind == ST:
                self.memory[k] = a
            else:
                self.memory[k] = x

    def load(self, record: Record, code: i64, k: i64, x: i64) -> i64:
        """An operand for the accumulator; -1: it lies beyond the captured bytes."""
        mode: i64 = code & 0xE0
        if mode == IMM:
            return k
        if mode == LEN:
            return record.wirelen & _MASK
        if mode == MEM:
            return self.memory[k]
        offset = k
        if mode == IND:
            offset = (k + x) & _MASK
        size: i64 = 4
        if code & 0x18 == 0x08:
            size = 2
        elif code & 0x18 == 0x10:
            size = 1
        if offset + size > record.caplen:
            return -1
        word: i64 = read_i64_be(record.buf, record.at + offset)
        return (word >> (64 - 8 * size)) & ((1 << 8 * size) - 1)

    def load_index(self, record: Record, code: i64, k: i64) -> i64:
        """The same for the index register."""
        mode: i64 = code & 0xE0
        if mode == IMM:
            return k
        if mode == LEN:
            return record.wirelen & _MASK
        if mode == MEM:
            return self.memory[k]
        if k >= record.caplen:  # MSH: the length of an IPv4 header
            return -1
        return 4 * ((read_i64_be(record.buf, record.at + k) >> 56) & 0xF)

    def jump(self, code: i64, at: i64, k: i64, a: i64, x: i64) -> i64:
        """How many instructions to pass over."""
        operation: i64 = code & 0xF0
        if operation == 0:
            return k
        operand = k
        if code & 8:
            operand = x
        holds: bool
        if operation == 0x10:
            holds = a == operand
        elif operation == 0x20:
            holds = a > operand
        elif operation == 0x30:
            holds = a >= operand
        else:
            holds = a & operand != 0
        if holds:
            return self.if_true[at]
        return self.if_false[at]


def compute(code: i64, a: i64, operand: i64) -> i64:
    """An operation of the accumulator and an operand, on 32 bits; -1: a division by zero."""
    operation: i64 = code & 0xF0
    if operation == 0x00:
        return (a + operand) & _MASK
    if operation == 0x10:
        return (a - operand) & _MASK
    if operation == 0x20:
        return (a * (operand & 0xFFFF) + ((a * (operand >> 16) & 0xFFFF) << 16)) & _MASK
    if operation == 0x30:
        return -1 if operand == 0 else a // operand
    if operation == 0x40:
        return a | operand
    if operation == 0x50:
        return a & operand
    if operation == 0x60:
        return (a << operand) & _MASK if operand < 32 else 0
    if operation == 0x70:
        return a >> operand if operand < 32 else 0
    if operation == 0x80:
        return -a & _MASK
    if operation == 0x90:
        return -1 if operand == 0 else a % operand
    return a ^ operand

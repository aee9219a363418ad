// Bare metal on the virt board, EL1, MMU off: vectors, and one access to any system register at EL1 or EL0.
    .section .text.start
    .global _start
_start:
    adrp x0, stack_top
    add  x0, x0, :lo12:stack_top
    mov  sp, x0
    adrp x0, vectors
    add  x0, x0, :lo12:vectors
    msr  vbar_el1, x0
    mov  x0, #(3 << 20)
    msr  cpacr_el1, x0
    isb
    bl   main
    movz x0, #0x0008
    movk x0, #0x8400, lsl #16
    hvc  #0
1:  b    1b

// u64 access_el1(void *code, u64 in, u64 *esr): runs code (one instruction on x1, then ret); x1 out. *esr = 0 or the syndrome.
    .global access_el1
access_el1:
    stp  x29, x30, [sp, #-32]!
    str  x2, [sp, #16]
    adr  x9, 2f
    mrs  x10, tpidr_el1
    msr  tpidr_el1, x9
    mov  x11, #0
    blr  x0
    b    3f
2:  mrs  x11, esr_el1
    msr  spsel, #1
3:  ldr  x2, [sp, #16]
    str  x11, [x2]
    msr  tpidr_el1, x10
    mov  x0, x1
    ldp  x29, x30, [sp], #32
    ret

// u64 access_el0(void *code, u64 in, u64 *esr): the same at EL0; code ends in svc #0.
    .global access_el0
access_el0:
    stp  x29, x30, [sp, #-32]!
    str  x2, [sp, #16]
    adr  x9, 2f
    mrs  x10, tpidr_el1
    msr  tpidr_el1, x9
    msr  elr_el1, x0
    mov  x11, #0x3c0
    msr  spsr_el1, x11
    eret
2:  mrs  x11, esr_el1
    lsr  x12, x11, #26
    cmp  x12, #0x15
    csel x11, xzr, x11, eq
    ldr  x2, [sp, #16]
    str  x11, [x2]
    msr  tpidr_el1, x10
    mov  x0, x1
    ldp  x29, x30, [sp], #32
    ret

    .macro entry
    .balign 128
    mrs  x9, tpidr_el1
    msr  elr_el1, x9
    mov  x9, #0x3c5
    msr  spsr_el1, x9
    eret
    .endm
    .balign 2048
vectors:
    .rept 16
    entry
    .endr

    .bss
    .balign 4096
    .skip 16384
stack_top:

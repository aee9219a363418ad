// Bare metal on the virt board at EL1, several processors: entry of each, vectors, and the function that others rewrite.
    .section .text.start
    .global _start
_start:
    mov  x19, #0
    b    common

// Where CPU_ON starts the others: x0 = context, the number of the processor.
    .global secondary
secondary:
    mov  x19, x0

common:
    ldr  x1, =stacks
    add  x2, x19, #1
    add  x1, x1, x2, lsl #14
    mov  sp, x1
    ldr  x1, =vectors
    msr  vbar_el1, x1
    ldr  x1, =0xff440400          // MAIR: 0 Device-nGnRnE, 1 Device-nGnRE, 2 Normal non-cacheable, 3 write-back
    msr  mair_el1, x1
    ldr  x1, =0x200803519         // TCR: T0SZ 25, inner shareable write-back walks, 4 KiB, TTBR1 off, 40 bits
    msr  tcr_el1, x1
    ldr  x1, =level1
    msr  ttbr0_el1, x1
    cbnz x19, 1f
    bl   make_tables
1:  dsb  ish
    tlbi vmalle1
    dsb  ish
    isb
    mrs  x1, sctlr_el1
    ldr  x2, =0x1005
    orr  x1, x1, x2
    msr  sctlr_el1, x1
    isb
    msr  tpidr_el1, x19
    mov  x0, x19
    bl   cpu_main
2:  wfi
    b    2b
    .ltorg

    .macro unexpected number
    .balign 128
    mov  x0, #\number
    b    unexpected_exception
    .endm
    .balign 2048
vectors:
    .irp n, 0, 1, 2, 3, 4
    unexpected \n
    .endr
    .balign 128
    sub  sp, sp, #192             // IRQ
    stp  x0, x1, [sp]
    stp  x2, x3, [sp, #16]
    stp  x4, x5, [sp, #32]
    stp  x6, x7, [sp, #48]
    stp  x8, x9, [sp, #64]
    stp  x10, x11, [sp, #80]
    stp  x12, x13, [sp, #96]
    stp  x14, x15, [sp, #112]
    stp  x16, x17, [sp, #128]
    stp  x18, x30, [sp, #144]
    b    irq
    .irp n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    unexpected \n
    .endr
irq:
    mrs  x0, elr_el1
    mrs  x1, spsr_el1
    stp  x0, x1, [sp, #160]
    bl   on_irq
    ldp  x0, x1, [sp, #160]
    msr  elr_el1, x0
    msr  spsr_el1, x1
    ldp  x0, x1, [sp]
    ldp  x2, x3, [sp, #16]
    ldp  x4, x5, [sp, #32]
    ldp  x6, x7, [sp, #48]
    ldp  x8, x9, [sp, #64]
    ldp  x10, x11, [sp, #80]
    ldp  x12, x13, [sp, #96]
    ldp  x14, x15, [sp, #112]
    ldp  x16, x17, [sp, #128]
    ldp  x18, x30, [sp, #144]
    add  sp, sp, #192
    eret

// Rewritten while it runs: returns its number.
    .balign 4096
    .global changing
changing:
    movz w0, #0
    ret

// Called by others, in a page of its own: loops through `changing` and back, so that cross-page links are used.
    .balign 4096
    .global call_changing
call_changing:
    stp  x29, x30, [sp, #-16]!
    bl   changing
    ldp  x29, x30, [sp], #16
    ret
    .balign 4096

    .bss
    .balign 4096
    .global level1
level1:
    .skip 4096
    .global level2
level2:
    .skip 4096
    .global level3
level3:
    .skip 4096
    .global pages
pages:
    .skip 8192
stacks:
    .skip 9 << 14

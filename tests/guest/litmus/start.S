// Bare metal on the virt board at EL1, several processors: identity map with caches on, a stack each, main on the first.
    .section .text.start
    .global _start
_start:
    ldr  x0, =tables
    adr  x1, set_up_tables
    blr  x1
    mov  x20, #0
    bl   set_up_processor
    bl   main
    .global finish
finish:
    movz x0, #0x0008
    movk x0, #0x8400, lsl #16
    hvc  #0
1:  b    1b

// Where PSCI CPU_ON starts a processor; x0 = its number.
    .global secondary
secondary:
    mov  x20, x0
    bl   set_up_processor
    mov  x0, x20
    bl   secondary_main
1:  wfi
    b    1b

// x20 = number. 4 KiB granule, 39-bit addresses, memory attributes: 0 = Device-nGnRE, 1 = Normal write-back.
set_up_processor:
    ldr  x0, =stacks
    add  x1, x20, #1
    add  x0, x0, x1, lsl #14
    mov  sp, x0
    ldr  x0, =vectors
    msr  vbar_el1, x0
    mov  x0, #(3 << 20)
    msr  cpacr_el1, x0
    ldr  x0, =0xff04
    msr  mair_el1, x0
    ldr  x0, =0x80803519            // T0SZ 25, inner shareable, write-back walks, EPD1
    msr  tcr_el1, x0
    ldr  x0, =tables
    msr  ttbr0_el1, x0
    tlbi vmalle1
    dsb  sy
    isb
    ldr  x0, =0x30d01805            // M, C, I and what is RES1
    msr  sctlr_el1, x0
    isb
    ret

// x0 = tables: level 1; 0x80000000 is mapped by pages (level 2, level 3 behind it).
set_up_tables:
    mov  x1, #0x401                 // Device, AF
    str  x1, [x0]
    ldr  x1, =0x40000705            // block, Normal, inner shareable, AF
    str  x1, [x0, #8]
    add  x1, x0, #4096
    orr  x2, x1, #3
    str  x2, [x0, #16]
    add  x2, x1, #4096
    orr  x2, x2, #3
    str  x2, [x1]
    dsb  sy
    ret

// A translation fault in the window of the TLB test is waited out: the page comes back. Anything else ends the run.
    .balign 2048
vectors:
    .rept 4
    .balign 128
    b    unexpected
    .endr
    .balign 128
    msr  tpidr_el1, x0
    mrs  x0, far_el1
    tbz  x0, #31, unexpected
    mrs  x0, tpidr_el1
    eret
    .rept 11
    .balign 128
    b    unexpected
    .endr
unexpected:
    mrs  x0, esr_el1
    mrs  x1, elr_el1
    mrs  x2, far_el1
    bl   report_exception
    b    finish
    .ltorg

    .bss
    .balign 4096
    .global tables
tables: .skip 3 * 4096
    .balign 16
stacks: .skip 8 * 16384 + 16384

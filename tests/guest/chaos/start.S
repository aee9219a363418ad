// A guest that behaves badly on purpose: word 0 of the mailbox chooses how, word 1 is the seed.
        .globl  _start
        .section .text.start
_start:
        ldr     x0, =mailbox
        ldp     x0, x1, [x0]
        adr     x2, stack_top
        mov     sp, x2
        adr     x2, vectors
        msr     vbar_el1, x2
        mov     x3, #3 << 20
        msr     cpacr_el1, x3
        isb
        cmp     x0, #0
        b.eq    jump_nowhere
        cmp     x0, #1
        b.eq    vectors_nowhere
        cmp     x0, #2
        b.eq    tables_over_devices
        cmp     x0, #3
        b.eq    stack_over_devices
        cmp     x0, #4
        b.eq    wait_forever
        b       chaos

jump_nowhere:                           // the handler's ERET comes back, forever
        mov     x2, #0x7fff00000000
        br      x2
vectors_nowhere:                        // each fault's handler faults
        mov     x2, #0x700000000000
        msr     vbar_el1, x2
        isb
        udf     #1
tables_over_devices:                    // walks read the UART, the interrupt controller, what is not there
        ldr     x2, =0x500803510        // 4 KiB granules, 48 bits, 44-bit output
        msr     tcr_el1, x2
        mov     x2, #0x08000000
        add     x2, x2, x1, lsl #12
        msr     ttbr0_el1, x2
        msr     ttbr1_el1, x2
        isb
        mrs     x2, sctlr_el1
        orr     x2, x2, #1
        msr     sctlr_el1, x2
        isb
        b       .
stack_over_devices:
        mov     x2, #0x09000000
        mov     sp, x2
1:      stp     q0, q1, [sp, #-32]!
        ldp     x0, x1, [sp], #8
        ldxr    x3, [sp]
        stxr    w4, x3, [sp]
        dc      zva, x2
        b       1b
wait_forever:
        msr     daifset, #15
1:      wfi
        wfe
        b       1b

// A page of words from the seed, run from its start; the handler makes new ones and goes on behind the one that failed.
chaos:
        ldr     x28, =page
        mov     x27, x1
        bl      fill
again:
        ldr     x28, =page
        ldr     x29, =registers
        ldp     x0, x1, [x29]
        ldp     x2, x3, [x29, #16]
        ldp     x4, x5, [x29, #32]
        br      x28
// x28 = page, x27 = state of the sequence
fill:
        mov     x2, #0
        ldr     x3, =0x2545f4914f6cdd1d
1:      eor     x27, x27, x27, lsr #12
        eor     x27, x27, x27, lsl #25
        eor     x27, x27, x27, lsr #27
        mul     x4, x27, x3
        lsr     x4, x4, #32
        // Half the words are of a system register, barrier or maintenance kind.
        tbz     x27, #3, 2f
        and     w4, w4, #0x003fffff
        movz    w5, #0xd500, lsl #16
        orr     w4, w4, w5
2:      ldr     w5, =0xd503207f         // no WFI: nothing would end it
        cmp     w4, w5
        csel    w4, wzr, w4, eq
        str     w4, [x28, x2]
        add     x2, x2, #4
        cmp     x2, #4096
        b.ne    1b
        dc      cvau, x28
        ic      iallu
        dsb     ish
        isb
        ret

        .macro  entry
        .balign 0x80
        b       handler
        .endm
        .balign 0x800
vectors:
        .rept 16
        entry
        .endr
handler:
        ldr     x29, =mailbox
        ldr     x26, [x29]
        cmp     x26, #5
        b.lt    3f
        ldr     x26, [x29, #16]         // every so often a new page and sane control registers
        add     x26, x26, #1
        str     x26, [x29, #16]
        tst     x26, #1023
        b.eq    4f
        mrs     x26, elr_el1
        add     x26, x26, #4
        ldr     x28, =page
        sub     x25, x26, x28
        cmp     x25, #4092
        b.hi    4f
        msr     elr_el1, x26
        mov     x25, #0x3c5
        msr     spsr_el1, x25
        eret
4:      adr     x25, vectors
        msr     vbar_el1, x25
        mov     x25, #3 << 20
        msr     cpacr_el1, x25
        ldr     x25, =0x30d00800
        msr     sctlr_el1, x25
        msr     mdscr_el1, xzr
        isb
        ldr     x28, =page
        ldr     x27, [x29, #8]
        mrs     x25, elr_el1
        add     x27, x27, x25
        orr     x27, x27, #1
        str     x27, [x29, #8]
        bl      fill
        mov     x25, #0x3c5
        msr     spsr_el1, x25
        ldr     x25, =again
        msr     elr_el1, x25
3:      eret

        .bss
        .balign 4096
        .skip   4096
stack_top:
page:   .skip   8192
        .data
        .balign 4096
mailbox: .quad 5, 1, 0, 0
        .ascii  "MAILBOX-"              // by which chaos_test.py finds the words before it
registers: .quad 0x40300000, 0x09000000, 0x40301008, 0x08000000, 0xffffffffffffffff, 0x8000000000000000

// Bare metal on the virt board at EL1: vectors that report, a case runner, and the cases.
    .section .text.start
    .global _start
_start:
    ldr  x0, =stack_top
    mov  sp, x0
    ldr  x0, =vectors
    msr  vbar_el1, x0
    mov  x0, #(3 << 20)
    msr  cpacr_el1, x0
    isb
    bl   main
    movz x0, #0x0008
    movk x0, #0x8400, lsl #16
    hvc  #0
1:  b    1b
    .ltorg

// void run_case(struct run *r): x0-x3, pc, spsr, sp from *r; ERET there; what the exception that ends it shows goes into *r.
// struct run { u64 x[4], pc, spsr, sp, vector, esr, elr, far, spsr_out, sp_out; }
    .global run_case
run_case:
    stp  x19, x20, [sp, #-112]!
    stp  x21, x22, [sp, #16]
    stp  x23, x24, [sp, #32]
    stp  x25, x26, [sp, #48]
    stp  x27, x28, [sp, #64]
    stp  x29, x30, [sp, #80]
    str  x0, [sp, #96]
    mov  x9, sp
    msr  tpidr_el1, x9
    msr  far_el1, xzr
    msr  esr_el1, xzr
    ldr  x10, [x0, #32]
    msr  elr_el1, x10
    ldr  x10, [x0, #40]
    msr  spsr_el1, x10
    ldr  x11, [x0, #48]
    msr  sp_el0, x11
    tst  x10, #1
    csel x11, x11, x9, ne     // a case on SP_EL1 gets the value, the others leave SP_EL1 alone
    mov  sp, x11
    ldp  x2, x3, [x0, #16]
    ldp  x0, x1, [x0]
    eret

    .macro vector number
    .balign 128
    mov  x9, #\number
    b    caught
    .endm
    .balign 2048
vectors:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vector \n
    .endr
caught:
    mov  x12, sp
    mrs  x10, tpidr_el1
    mov  sp, x10
    ldr  x11, [sp, #96]
    stp  x0, x1, [x11]
    stp  x2, x3, [x11, #16]
    str  x9, [x11, #56]
    mrs  x10, esr_el1
    str  x10, [x11, #64]
    mrs  x10, elr_el1
    str  x10, [x11, #72]
    mrs  x10, far_el1
    str  x10, [x11, #80]
    mrs  x10, spsr_el1
    str  x10, [x11, #88]
    str  x12, [x11, #96]
    ldp  x21, x22, [sp, #16]
    ldp  x23, x24, [sp, #32]
    ldp  x25, x26, [sp, #48]
    ldp  x27, x28, [sp, #64]
    ldp  x29, x30, [sp, #80]
    ldp  x19, x20, [sp], #112
    ret

    .bss
    .balign 4096
    .skip 16384
stack_top:

// Code that the cases run, at EL0 or EL1; it lies in a page that both may read and execute.
    .section .cases, "ax"
    .macro case name
    .balign 16
    .global \name
\name:
    .endm
    case c_svc
    svc  #0x1234
    case c_brk
    brk  #0x55
    case c_hlt
    hlt  #3
    case c_udf
    .word 0
    case c_hvc
    hvc  #1
    case c_smc
    smc  #1
    case c_dcps
    dcps1 #1
    case c_eret
    eret
    case c_wfi
    wfi
    svc  #0
    case c_wfe
    sevl
    wfe
    wfe
    svc  #0
    case c_fp
    fmov d0, d1
    svc  #0
    case c_fpcr
    mrs  x0, fpcr
    svc  #0
    case c_simd_load
    ldr  q0, [x1]
    svc  #0
    case c_sp_load
    ldr  x0, [sp]
    svc  #0
    case c_sp_store
    str  x0, [sp, #8]
    svc  #0
    case c_br
    br   x0
    case c_load
    ldr  x0, [x1]
    svc  #0
    case c_loadb
    ldrb w0, [x1]
    svc  #0
    case c_store
    str  x0, [x1]
    svc  #0
    case c_storeb
    strb w0, [x1]
    svc  #0
    case c_ldp
    ldp  x0, x2, [x1]
    svc  #0
    case c_stp
    stp  x0, x2, [x1]
    svc  #0
    case c_ldrsw_post
    ldrsw x0, [x1], #4
    svc  #0
    case c_ldxr
    ldxr x0, [x1]
    svc  #0
    case c_stxr
    stxr w2, x0, [x1]
    svc  #0
    case c_ldar
    ldar w0, [x1]
    svc  #0
    case c_stlrh
    stlrh w0, [x1]
    svc  #0
    case c_ldtr
    ldtr x0, [x1]
    svc  #0
    case c_sttr
    sttr w0, [x1]
    svc  #0
    case c_zva
    dc   zva, x1
    svc  #0
    case c_ivac
    dc   ivac, x1
    svc  #0
    case c_cvac
    dc   cvac, x1
    svc  #0
    case c_civac
    dc   civac, x1
    svc  #0
    case c_ivau
    ic   ivau, x1
    svc  #0
    case c_prfm
    prfm pldl1keep, [x1]
    svc  #0
    case c_daif
    msr  daifset, #2
    svc  #0
    case c_tlbi
    tlbi vmalle1
    svc  #0
    case c_cntvct
    mrs  x0, cntvct_el0
    svc  #0
    case c_ctr
    mrs  x0, ctr_el0
    svc  #0
    case c_midr
    mrs  x0, midr_el1
    svc  #0
    case c_nops
    nop
    nop
    nop
    svc  #0
    case c_step_ldxr
    ldxr x0, [x1]
    nop
    svc  #0
    case c_step_load
    ldr  x0, [x1]
    nop
    svc  #0
    case c_step_branch
    b    1f
    nop
1:  nop
    svc  #0
    case c_spin
    b    .
    case c_wfi_masked         // WFI may end at any time
1:  wfi
    mrs  x0, isr_el1
    cbz  x0, 1b
    svc  #0
    case c_unmask             // the timer has expired by then
1:  mrs  x0, isr_el1
    cbz  x0, 1b
    msr  daifclr, #2
    nop
    svc  #0
    case c_unmask_nothing
    msr  daifclr, #2
    nop
    svc  #0
    case c_ldp_q
    ldp  q0, q1, [x1]
    svc  #0
    case c_tagged
    nop
    svc  #0

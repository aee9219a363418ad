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

// Code that the cases run, at EL0 or EL1; it lies in a page that both may read and execute, and once more in a guarded one.
    .arch armv8.5-a+rng+memtag
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
    case c_load
    ldr  x0, [x1]
    svc  #0
    case c_store
    str  x0, [x1]
    svc  #0
    case c_ldtr
    ldtr x0, [x1]
    svc  #0
    case c_sttr
    sttr x0, [x1]
    svc  #0
    case c_swap
    ldxr x2, [x1]
    stxr w3, x0, [x1]
    svc  #0
    case c_br0
    br   x0
    case c_blr
    blr  x0
    case c_br16
    mov  x16, x0
    br   x16
    case c_br17
    mov  x17, x0
    br   x17
    case c_ret
    ret  x0
    case c_braaz
    paciza x0
    braaz x0
    case c_blrabz
    pacizb x0
    blrabz x0
    case c_braa16
    mov  x16, x0
    pacia x16, x1
    braa x16, x1
    case c_retaa
    mov  x30, x0
    paciasp
    retaa
    case c_retab_bad
    mov  x30, x0
    pacibsp
    eor  x30, x30, #(1 << 50)
    retab
    case c_eretaa
    eretaa
    case c_ldraa
    pacdza x1
    ldraa x0, [x1, #8]
    svc  #0
    case c_ldrab_pre
    pacdzb x1
    ldrab x0, [x1, #-16]!
    svc  #0
    case c_ldraa_bad
    pacdzb x1
    ldraa x0, [x1]
    svc  #0
    case c_bti
    bti
    svc  #1
    case c_bti_c
    bti  c
    svc  #2
    case c_bti_j
    bti  j
    svc  #3
    case c_bti_jc
    bti  jc
    svc  #4
    case c_paciasp
    paciasp
    svc  #5
    case c_pacibsp
    pacibsp
    svc  #6
    case c_nop
    nop
    svc  #7
    case c_pan
    msr  pan, #1
    svc  #0
    case c_uao
    msr  uao, #1
    svc  #0
    case c_dit
    msr  dit, #1
    mrs  x0, dit
    svc  #0
    case c_ssbs
    msr  ssbs, #1
    mrs  x0, ssbs
    svc  #0
    case c_msr_flags
    msr  dit, x1
    msr  ssbs, x1
    mrs  x0, dit
    mrs  x2, ssbs
    orr  x0, x0, x2
    svc  #0
    case c_cfp
    cfp  rctx, x0
    svc  #0
    case c_dvp
    dvp  rctx, x0
    svc  #0
    case c_cpp
    cpp  rctx, x0
    svc  #0
    case c_cvap
    dc   cvap, x1
    svc  #0
    case c_cvadp
    dc   cvadp, x1
    svc  #0
    case c_sb
    sb
    svc  #0
    case c_rndr
    mrs  x0, rndr
    mrs  x0, nzcv
    svc  #0
    case c_rndrrs
    mrs  x0, rndrrs
    mrs  x0, nzcv
    svc  #0
    case c_key
    mrs  x0, apiakeylo_el1
    svc  #0
    case c_cntpctss
    mrs  x0, s3_3_c14_c0_5
    mov  x0, #1
    svc  #0
    case c_cntvctss
    mrs  x0, s3_3_c14_c0_6
    mov  x0, #1
    svc  #0
    case c_at_rp
    at   s1e1rp, x1
    mrs  x0, par_el1
    svc  #0
    case c_at_wp
    at   s1e1wp, x1
    mrs  x0, par_el1
    svc  #0
    case c_dgh
    hint #6
    svc  #0

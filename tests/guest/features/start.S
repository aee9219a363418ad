// The vectors of sysreg_sweep, and the probes: code for access_el1, X1 in and out; X2 to X8, X13 to X17 and the flags are theirs.
#include "../sysreg_sweep/start.S"

    .text
    .arch armv8.6-a+sha3+sm4+fp16fml+rng+flagm
    .arch_extension rcpc
    .macro probe name, text:vararg
    .global p_\name
p_\name:
    \text
    ret
    .endm
    // Whether a bit of a register can be set: X1.
    .macro sticks name, register, bit
    .global p_\name
p_\name:
    mrs  x2, \register
    mov  x3, #1
    lsl  x3, x3, #\bit
    orr  x4, x2, x3
    msr  \register, x4
    isb
    mrs  x1, \register
    msr  \register, x2
    isb
    and  x1, x1, x3
    lsr  x1, x1, #\bit
    ret
    .endm

    probe LSE, ldadd x2, x3, [x1]
    probe RDM, sqrdmlah v0.4h, v1.4h, v2.4h
    probe SHA512, sha512h q0, q1, v2.2d
    probe SHA3, eor3 v0.16b, v1.16b, v2.16b, v3.16b
    probe SM3, sm3tt1a v0.4s, v1.4s, v2.s[0]
    probe SM4, sm4e v0.4s, v1.4s
    probe DotProd, sdot v0.4s, v1.16b, v2.16b
    probe FHM, fmlal v0.4s, v1.4h, v2.4h
    probe FlagM, cfinv
    probe FlagM_rmif, rmif x1, #3, #5
    probe FlagM_setf8, setf8 w1
    probe FlagM2, axflag
    probe TLBIOS, tlbi vmalle1os
    probe TLBIOS_va, tlbi vale1os, x1
    probe TLBIRANGE, tlbi rvae1, x1
    probe TLBIRANGE_os, tlbi rvaae1os, x1
    probe RNG, mrs x2, s3_3_c2_c4_0
    probe RNG_rs, mrs x2, s3_3_c2_c4_1
    probe DPB, dc cvap, x1
    probe DPB2, sys #3, c7, c13, #1, x1
    probe PAuth, pacia x1, x2
    probe PAuth_key, mrs x2, apibkeylo_el1
    probe PAuth_strip, xpaci x1
    probe PAuth_load, .inst 0xf8200422  // ldraa x2, [x1]
    probe GPA, pacga x1, x2, x3
    sticks PAuth_bit, sctlr_el1, 27
    sticks PAuth_tbid, tcr_el1, 51
    // A hint where there is none: X30 is as it was.
    .global p_PAuth_hint
p_PAuth_hint:
    mrs  x2, sctlr_el1
    orr  x3, x2, #1 << 31
    msr  sctlr_el1, x3
    isb
    mov  x4, x30
    mov  x30, #0x1234
    mov  x1, x30
    hint #25  // paciasp
    cmp  x30, x1
    mov  x30, x4
    cset x1, ne
    msr  sctlr_el1, x2
    isb
    ret
    probe JSCVT, fjcvtzs w2, d0
    probe FCMA, fcadd v0.4s, v1.4s, v2.4s, #90
    probe LRCPC, ldapr w2, [x1]
    probe LRCPC2, .inst 0x99400022  // ldapur w2, [x1]
    probe LRCPC2_store, .inst 0x99000022  // stlur w2, [x1]
    probe FRINTTS, frint32z s0, s1
    probe SB, sb
    probe SPECRES, cfp rctx, x2
    probe SPECRES_dvp, dvp rctx, x2
    probe SPECRES_cpp, cpp rctx, x2
    sticks SPECRES_bit, sctlr_el1, 10
    probe BF16, bfdot v0.4s, v1.8h, v2.8h
    probe BF16_scalar, bfcvt h0, s1
    probe I8MM, smmla v0.4s, v1.16b, v2.16b
    probe I8MM_usdot, usdot v0.4s, v1.16b, v2.16b
    probe FP16, fadd h0, h1, h2
    probe AdvSIMDHP, fadd v0.8h, v1.8h, v2.8h
    sticks FP16_fz16, fpcr, 19
    probe DIT, mrs x2, dit
    probe DIT_set, msr dit, #0
    probe SSBS2, mrs x2, ssbs
    probe SSBS2_set, msr ssbs, #1
    sticks SSBS, sctlr_el1, 44
    probe ECV, mrs x2, s3_3_c14_c0_6
    probe ECV_physical, mrs x2, s3_3_c14_c0_5
    probe PAN, mrs x2, pan
    probe PAN_set, msr pan, #0
    probe PAN2, .inst 0xd5087901  // at s1e1rp, x1
    probe UAO, mrs x2, uao
    probe UAO_set, msr uao, #0
    sticks PAN3, sctlr_el1, 57
    sticks BTI_bit, sctlr_el1, 36
    sticks HAF_bit, tcr_el1, 39
    sticks HAFDBS_bit, tcr_el1, 40
    sticks HPDS_bit, tcr_el1, 42
    sticks HPDS2_bit, tcr_el1, 43
    sticks E0PD_bit, tcr_el1, 56
    sticks CnP, ttbr1_el1, 0
    probe load, ldr x1, [x1]
    probe store, str x1, [x1]
    probe ordered, ldar x2, [x1]
    .global p_pan_load
p_pan_load:
    .inst 0xd500419f  // msr pan, #1
    ldr  x1, [x1]
    .inst 0xd500409f  // msr pan, #0
    ret
    .global p_uao_load
p_uao_load:
    .inst 0xd500417f  // msr uao, #1
    ldtr x1, [x1]
    .inst 0xd500407f  // msr uao, #0
    ret
    // A branch to no landing pad of the alias that the guarded page is.
    .global p_BTI
p_BTI:
    adr  x2, 1f
    mov  x3, #0x40000000
    add  x2, x2, x3
    br   x2
1:  nop
    ret

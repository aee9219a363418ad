// The vectors and the case runner of the exceptions program, and every kind of memory access.
#include "../exceptions/start.S"
    .arch armv8.4-a
    .macro try name, instruction:vararg
    case m_\name
    \instruction
    svc  #0
    .endm
    .macro vector_load name, instruction:vararg   // what came into v0 and v1 (the low halves of two more)
    case m_\name
    movi v0.16b, #0x11
    movi v1.16b, #0x22
    movi v2.16b, #0x33
    movi v3.16b, #0x44
    \instruction
    umov x0, v0.d[0]
    umov x2, v0.d[1]
    umov x3, v1.d[0]
    umov x1, v1.d[1]
    eor  x8, x3, x1
    umov x9, v2.d[0]
    umov x10, v3.d[1]
    eor  x1, x1, x9
    eor  x1, x1, x10
    svc  #0
    .endm
    .macro vector_store name, instruction:vararg
    case m_\name
    dup  v0.2d, x2
    ins  v0.d[1], x3
    dup  v1.2d, x3
    add  v1.16b, v1.16b, v0.16b
    add  v2.16b, v1.16b, v0.16b
    add  v3.16b, v1.16b, v2.16b
    \instruction
    svc  #0
    .endm
    try  ldr, ldr x0, [x1]
    try  ldrw, ldr w0, [x1]
    try  ldrh, ldrh w0, [x1]
    try  ldrb, ldrb w0, [x1]
    try  ldrsw, ldrsw x0, [x1]
    try  ldrsh, ldrsh x0, [x1]
    try  ldur, ldur x0, [x1, #3]
    try  ldp, ldp x0, x3, [x1]
    try  ldpw, ldp w0, w3, [x1]
    try  ldpsw, ldpsw x0, x3, [x1]
    try  ldnp, ldnp x0, x3, [x1]
    try  ldar, ldar x0, [x1]
    try  ldarh, ldarh w0, [x1]
    try  ldxr, ldxr x0, [x1]
    try  ldxp, ldxp x0, x3, [x1]
    try  ldxpw, ldxp w0, w3, [x1]
    try  ldapr, ldapr w0, [x1]
    try  literal, ldr x0, number_pool
    try  literalw, ldrsw x0, number_pool
    try  str, str x2, [x1]
    try  strw, str w2, [x1]
    try  strh, strh w2, [x1]
    try  stur, stur x2, [x1, #5]
    try  stp, stp x2, x3, [x1]
    try  stpw, stp w2, w3, [x1]
    try  stlr, stlr x2, [x1]
    case m_exclusive
    ldxr x8, [x1]
    add  x8, x8, x2
    stxr w0, x8, [x1]
    svc  #0
    case m_exclusive_pair
    ldxp x8, x9, [x1]
    add  x8, x8, x2
    add  x9, x9, x3
    stxp w0, x8, x9, [x1]
    svc  #0
    case m_exclusive_words
    ldxp w8, w9, [x1]
    add  x8, x8, x2
    add  x9, x9, x3
    stxp w0, w8, w9, [x1]
    svc  #0
    case m_exclusive_half
    ldxrh w8, [x1]
    add  x8, x8, x2
    stxrh w0, w8, [x1]
    svc  #0
    try  ldadd, ldadd x2, x0, [x1]
    try  ldaddw, ldaddal w2, w0, [x1]
    try  ldumaxh, ldumaxh w2, w0, [x1]
    try  swp, swp x2, x0, [x1]
    try  swpb, swpb w2, w0, [x1]
    case m_cas
    ldr  x0, [x1]
    cas  x0, x2, [x1]
    svc  #0
    case m_casp
    ldp  x8, x9, [x1]
    mov  x10, x2
    mov  x11, x3
    casp x8, x9, x10, x11, [x1]
    mov  x0, x8
    mov  x2, x9
    svc  #0
    case m_caspw
    ldp  w8, w9, [x1]
    mov  x10, x2
    mov  x11, x3
    casp w8, w9, w10, w11, [x1]
    mov  x0, x8
    mov  x2, x9
    svc  #0
    case m_casp_fails
    mov  x8, x2
    mov  x9, x2
    mov  x10, x2
    mov  x11, x3
    caspal x8, x9, x10, x11, [x1]
    mov  x0, x8
    mov  x2, x9
    svc  #0
    try  zva, dc zva, x1
    vector_load ldrq, ldr q0, [x1]
    vector_load ldrd, ldr d0, [x1]
    vector_load ldrs, ldr s0, [x1]
    vector_load ldrhh, ldr h0, [x1]
    vector_load ldpq, ldp q0, q1, [x1]
    vector_load ldpd, ldp d0, d1, [x1]
    vector_load ldps, ldp s0, s1, [x1]
    vector_load ldurq, ldur q0, [x1, #7]
    vector_load literalq, ldr q0, number_pool
    vector_load ld1b, ld1 {v0.16b, v1.16b}, [x1]
    vector_load ld1h, ld1 {v0.8h, v1.8h}, [x1]
    vector_load ld1s, ld1 {v0.4s, v1.4s, v2.4s}, [x1]
    vector_load ld1d, ld1 {v0.2d-v3.2d}, [x1]
    vector_load ld1one, ld1 {v0.1d}, [x1]
    vector_load ld2h, ld2 {v0.4h, v1.4h}, [x1]
    vector_load ld3s, ld3 {v0.4s-v2.4s}, [x1]
    vector_load ld4b, ld4 {v0.8b-v3.8b}, [x1]
    vector_load ld4d, ld4 {v0.2d-v3.2d}, [x1]
    vector_load ld1lane, ld1 {v0.h}[5], [x1]
    vector_load ld2lane, ld2 {v0.s, v1.s}[2], [x1]
    vector_load ld1r, ld1r {v0.4s}, [x1]
    vector_load ld4r, ld4r {v0.2d-v3.2d}, [x1]
    vector_store strq, str q0, [x1]
    vector_store strd, str d0, [x1]
    vector_store strhh, str h0, [x1]
    vector_store stpq, stp q0, q1, [x1]
    vector_store stps, stp s0, s1, [x1]
    vector_store sturq, stur q0, [x1, #7]
    vector_store st1b, st1 {v0.16b}, [x1]
    vector_store st1h, st1 {v0.8h, v1.8h}, [x1]
    vector_store st1s, st1 {v0.4s-v3.4s}, [x1]
    vector_store st1d, st1 {v0.2d, v1.2d}, [x1]
    vector_store st2h, st2 {v0.8h, v1.8h}, [x1]
    vector_store st3s, st3 {v0.2s-v2.2s}, [x1]
    vector_store st4b, st4 {v0.16b-v3.16b}, [x1]
    vector_store st1lane, st1 {v0.h}[3], [x1]
    vector_store st3lane, st3 {v0.s-v2.s}[1], [x1]
    .balign 16
number_pool:
    .quad 0x0123456789abcdef, 0xfedcba9876543210

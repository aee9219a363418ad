// The vectors and the case runner of the exceptions program, and the atomic instructions that this one tries.
#include "../exceptions/start.S"
    .arch armv8.4-a
    .macro try name, instruction:vararg
    case a_\name
    \instruction
    svc  #0
    .endm
    try  ldxr, ldxr x0, [x1]
    try  ldaxrb, ldaxrb w0, [x1]
    try  ldxrh, ldxrh w0, [x1]
    try  ldxrw, ldxr w0, [x1]
    try  ldxp, ldxp x0, x3, [x1]
    try  ldxpw, ldxp w0, w3, [x1]
    try  stxr, stxr w0, x2, [x1]
    try  stlxrb, stlxrb w0, w2, [x1]
    try  stxp, stxp w0, x2, x3, [x1]
    try  ldar, ldar x0, [x1]
    try  ldarh, ldarh w0, [x1]
    try  stlr, stlr x2, [x1]
    try  stlrw, stlr w2, [x1]
    try  ldapr, ldapr x0, [x1]
    try  ldapur, ldapur w0, [x1, #-4]
    try  stlur, stlur x2, [x1, #8]
    try  ldadd, ldadd x2, x0, [x1]
    try  ldaddalb, ldaddalb w2, w0, [x1]
    try  ldsmaxh, ldsmaxh w2, w0, [x1]
    try  stclr, stclr w2, [x1]
    try  swp, swp x2, x0, [x1]
    try  swpaw, swpa w2, w0, [x1]
    try  cas, cas x0, x2, [x1]
    try  caslw, casl w0, w2, [x1]
    case a_casp
    mov  x8, x0
    mov  x9, x0
    mov  x10, x2
    mov  x11, x2
    casp x8, x9, x10, x11, [x1]
    mov  x0, x8
    mov  x3, x9
    svc  #0
    case a_caspw
    mov  x8, x0
    mov  x9, x0
    mov  x10, x2
    mov  x11, x2
    caspal w8, w9, w10, w11, [x1]
    mov  x0, x8
    mov  x3, x9
    svc  #0

// Exclusive pairs: x1 the address, x2 what is stored, x3 a second address or value; x0 the status.
    .macro pair name
    case e_\name
    .endm
    pair simple
    ldxr x8, [x1]
    stxr w0, x2, [x1]
    svc  #0
    pair twice
    ldxr x8, [x1]
    stxr w0, x2, [x1]
    stxr w3, x2, [x1]
    svc  #0
    pair alone
    stxr w0, x2, [x1]
    svc  #0
    pair other_address
    ldxr x8, [x1]
    stxr w0, x2, [x3]
    svc  #0
    pair other_size
    ldxr x8, [x1]
    stxr w0, w2, [x1]
    svc  #0
    pair clrex
    ldxr x8, [x1]
    clrex
    stxr w0, x2, [x1]
    svc  #0
    pair store
    ldxr x8, [x1]
    str  x3, [x1]
    stxr w0, x2, [x1]
    svc  #0
    pair load
    ldxr x8, [x1]
    ldr  x9, [x1]
    ldr  x9, [x3]
    stxr w0, x2, [x1]
    svc  #0
    pair second_load
    ldxr x8, [x3]
    ldxr x8, [x1]
    stxr w0, x2, [x1]
    svc  #0
    pair abandoned
    ldxr x8, [x1]
    ldxr x8, [x3]
    stxr w0, x2, [x1]
    svc  #0
    pair two
    ldaxp x8, x9, [x1]
    stlxp w0, x2, x2, [x1]
    svc  #0
    pair two_words
    ldxp w8, w9, [x1]
    stxp w0, w2, w2, [x1]
    svc  #0
    pair two_changed_high
    ldxp x8, x9, [x1]
    str  x3, [x1, #8]
    stxp w0, x2, x2, [x1]
    svc  #0
    pair one_of_two
    ldxp x8, x9, [x1]
    stxr w0, x2, [x1]
    svc  #0
    pair unscaled
    ldxr x8, [x1]
    isb
    dsb  sy
    dmb  sy
    nop
    stxr w0, x2, [x1]
    svc  #0
    pair first_half
    ldxr x8, [x1]
    svc  #0
    pair second_half
    stxr w0, x2, [x1]
    svc  #0
    pair failing_store             // the store exclusive fails in its translation, and a later one succeeds or not
    ldxr x8, [x1]
    stxr w0, x2, [x3]
    svc  #0
    pair acquire_byte
    ldaxrb w8, [x1]
    stlxrb w0, w2, [x1]
    svc  #0
// The other processor writes x3 to [x1] between the two: it sees the address in [x9] and clears it (0x41000800: in the data page).
    pair foreign
    movz x9, #0x4100, lsl #16
    movk x9, #0x0800
    ldxr x8, [x1]
    stp  x3, xzr, [x9, #16]
    stlr x1, [x9]
1:  ldar x10, [x9]
    cbnz x10, 1b
    stxr w0, x2, [x1]
    svc  #0
    pair foreign_pair
    movz x9, #0x4100, lsl #16
    movk x9, #0x0800
    ldxp x8, x11, [x1]
    add  x10, x1, #8
    stp  x3, xzr, [x9, #16]
    stlr x10, [x9]
1:  ldar x10, [x9]
    cbnz x10, 1b
    stxp w0, x2, x2, [x1]
    svc  #0
// Sleeps until the other processor has changed [x1] from x2.
    pair sleep
    sevl
    movz x9, #0x4100, lsl #16
    movk x9, #0x0800
    stp  x3, xzr, [x9, #16]
    stlr x1, [x9]
1:  wfe
    ldaxr x0, [x1]
    cmp  x0, x2
    b.eq 1b
    svc  #0
    .text

// Where CPU_ON starts processor 1: it writes what it is asked to.
    .global helper
helper:
    movz x9, #0x4100, lsl #16
    movk x9, #0x0800
1:  ldar x10, [x9]
    cbz  x10, 1b
    ldr  x11, [x9, #16]
    mov  x12, #300
2:  sub  x12, x12, #1
    cbnz x12, 2b
    str  x11, [x10]
    dsb  sy
    stlr xzr, [x9]
    b    1b

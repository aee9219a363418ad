// The vectors, the case runner and the cases of the exceptions program, and what the MMU's faults need beside them.
#include "../exceptions/start.S"
    case c_ldrq
    ldr  q0, [x1]
    svc  #0
    case c_strq
    str  q0, [x1]
    svc  #0
    case c_ld1s
    ld1  {v0.4s}, [x1]
    svc  #0
    case c_ld1b
    ld1  {v0.16b, v1.16b}, [x1]
    svc  #0
    case c_st1h
    st1  {v0.8h}, [x1]
    svc  #0
    case c_st1d
    st1  {v0.2d}, [x1]
    svc  #0
    case c_ld2s
    ld2  {v0.4s, v1.4s}, [x1]
    svc  #0
    case c_st4b
    st4  {v0.16b-v3.16b}, [x1]
    svc  #0
    case c_ld1_lane
    ld1  {v0.s}[1], [x1]
    svc  #0
    case c_ld3r
    ld3r {v0.4h-v2.4h}, [x1]
    svc  #0
    case c_strw
    str  w0, [x1]
    svc  #0
    case c_ldpw
    ldp  w0, w2, [x1]
    svc  #0
    case c_stpq
    stp  q0, q1, [x1]
    svc  #0
    case c_ldxp
    ldxp x0, x2, [x1]
    svc  #0
    case c_stlxr
    stlxr w2, x0, [x1]
    svc  #0
    case c_ldarb
    ldarb w0, [x1]
    svc  #0
    .macro translation op
    case c_\op
    at   \op, x1
    isb
    mrs  x0, par_el1
    svc  #0
    .endm
    translation s1e1r
    translation s1e1w
    translation s1e0r
    translation s1e0w

// The vectors and the case runner of the exceptions program, and the cases of this one.
#include "../exceptions/start.S"
    case c_slot                // the instruction under test stands here, and is replaced
    nop
    svc  #0
    nop
    nop
    case c_count               // x0 turns of a loop, then out
    subs x0, x0, #1
    b.ne c_count
    svc  #0
    case c_wfe_twice           // the first finds the event of the ERET
    wfe
    wfe
    svc  #0
    case c_fiq_window
    msr  daifclr, #1
    nop
    svc  #0

// The vectors and the case runner of the exceptions program.
#include "../exceptions/start.S"
    case g_window              // interrupts are open for a moment
    msr  daifclr, #3
    isb
    nop
    msr  daifset, #3
    svc  #0

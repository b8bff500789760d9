// Rows of x and y are read and written four numbers at a time where their length allows: X and Y in memory, VX and VY in
// arithmetic.
#import shared/value.wgsl
#if A_VEC
alias X = T4;
alias VX = vec4<f32>;
#else
alias X = T;
alias VX = f32;
#end
#if N_VEC
alias Y = T4;
alias VY = vec4<f32>;
#else
alias Y = T;
alias VY = f32;
#end

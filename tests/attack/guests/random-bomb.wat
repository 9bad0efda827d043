;; Asks the host for as many random bytes as it is told, without room for them.
(component
  (import "wasi:random/random@0.2.12" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (core module $libc
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
  (alias export $random "get-random-bytes" (func $get))
  (core func $lowered (canon lower (func $get) (memory $memory) (realloc $realloc)))
  (core module $m
    (import "" "get" (func $get (param i64 i32)))
    (func (export "draw") (param i64) (call $get (local.get 0) (i32.const 16))))
  (core instance $i (instantiate $m (with "" (instance (export "get" (func $lowered))))))
  (func (export "draw") (param "len" u64) (canon lift (core func $i "draw"))))

;; Grows memory until that fails, touching every page, then traps.
(component
  (core module $m
    (memory 1)
    (func (export "grow")
      (local $at i32)
      (loop $more
        (local.set $at (i32.mul (memory.grow (i32.const 16)) (i32.const 65536)))
        (if (i32.ge_s (local.get $at) (i32.const 0))
          (then (memory.fill (local.get $at) (i32.const 1) (i32.const 1048576)) (br $more))))
      unreachable))
  (core instance $i (instantiate $m))
  (func (export "grow") (canon lift (core func $i "grow"))))

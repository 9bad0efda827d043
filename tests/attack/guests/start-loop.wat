;; Loops before anything is called.
(component
  (core module $m
    (func $start (loop (br 0)))
    (start $start)
    (func (export "begin")))
  (core instance $i (instantiate $m))
  (func (export "begin") (canon lift (core func $i "begin"))))

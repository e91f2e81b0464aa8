package sim
import ("testing";"fmt";"github.com/citycard/citycard/sim/oracle")
func TestZZ(t *testing.T){
 for _, n := range []int{800,1500} { for seed:=uint64(1);seed<=3;seed++{
 debugAudit=func(r *Run,b *oracle.Books){
  fmt.Println("n",n,"seed",seed,"outstanding",b.Sums())
  for i:=0;i<r.world.riders.Len();i++ { if s:=b.Card(i); s.Outstanding!=0 { fmt.Println("  rider",i,"role",r.world.injected.roles[uint32(i)],"out",s.Outstanding,"touched",r.carrier.touched[uint32(i)],"torn",r.truth.torn[uint32(i)]) } }
  for _,f:=range r.truth.flashes { fmt.Println("  flash",f, "role",r.world.injected.roles[f.rider]) }
 }
 city:=newCity(t,Options{Riders:n,Seed:seed})
 res,err:=(&Run{Dir:t.TempDir(),Out:t.TempDir()}).Do(city)
 if err!=nil{t.Fatal(err)}
 fmt.Printf("%+v\n",res.FlashCard)
 fmt.Println(res.Closed(),res.Refunds)
 }}
}
